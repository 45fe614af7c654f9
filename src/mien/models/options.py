"""How an engine runs a network: which engine, precision, threads, streams. A value only.

Imports no engine and no numpy, so that commands and settings can make it cheaply.
"""

from dataclasses import dataclass

from mien.settings import Engine, Precision


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a session runs.

    Attributes:
        engine: auto takes ONNX Runtime where it offers a GPU, else OpenVINO.
        precision: auto takes bf16 where the processor has it and the golden vector still agrees.
        threads: processor threads of one session; 0 lets the engine choose.
        streams: how many calls may run at the same time, each on its share of the threads.
    """

    engine: Engine = "auto"
    precision: Precision = "auto"
    threads: int = 0
    streams: int = 1


DEFAULT_OPTIONS = EngineOptions()
