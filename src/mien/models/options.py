"""How an engine runs a network: which engine, precision, threads, streams; and the models that run by default.

Values only. Imports no engine and no numpy, so that commands and settings can make it cheaply.
"""

from dataclasses import dataclass

AUTO = "auto"
"""The engine or precision that suits this machine and the model."""

DEFAULT_DETECTOR = "mtcnn"
DEFAULT_RECOGNIZER = "dlib-resnet"


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a session runs.

    Attributes:
        engine: a name in mien.models.engines; auto takes ONNX Runtime where it offers a GPU, else OpenVINO.
        precision: auto takes bf16 where the processor has it and the golden vector still agrees.
        threads: processor threads of one session; 0 lets the engine choose.
        streams: how many calls may run at the same time, each on its share of the threads.
        keep_as: sha256 of the network's file, under which the compiled network is kept next to the models; empty
            keeps none. open_session sets it.
    """

    engine: str = AUTO
    precision: str = AUTO
    threads: int = 0
    streams: int = 1
    keep_as: str = ""


DEFAULT_OPTIONS = EngineOptions()
