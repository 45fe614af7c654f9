"""Networks as an engine compiled them, kept next to the models, so that the next process need not compile them again.

One file per network, engine version, processor and settings, all of which are in its name. A file that is damaged, or
of anything else than what is asked for, counts as absent; where nothing can be written, nothing is kept. The files
used last stay, up to MAX_BYTES. Knows no engine: what it keeps is bytes.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.models.folders import home
from mien.whole_files import make_folder, write_whole_bytes

FOLDER = "compiled"
"""Next to the folder of the models."""

MAX_BYTES = 512 * 2**20
"""All files together. A network takes about what its weights take: dlib-resnet 22 MB, an IR-100 250 MB."""

_HEAD = b"mien compiled network 1\n"
_SUM = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class CompiledNetwork:
    """A network as an engine compiled it.

    Attributes:
        data: (N,) uint8: what the engine opens.
        batchable: whether several images go through it together.
    """

    data: NDArray[np.uint8]
    batchable: bool


def key_of(network: str, circumstances: object) -> str:
    """The name of a compiled network.

    Args:
        network: sha256 of its ONNX file.
        circumstances: whatever else decides how it is compiled, as JSON has it.
    """
    text = json.dumps(circumstances, sort_keys=True)
    return f"{network}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def find(key: str) -> CompiledNetwork | None:
    """The compiled network of this name; None where there is none, or its file is damaged."""
    path = _path(key)
    try:
        content = np.fromfile(path, np.uint8)
        os.utime(path)  # the files used last stay
    except OSError:
        return None
    start = len(_HEAD) + _SUM
    body = content[start:]
    if len(body) < 2 or content[:start].tobytes() != _HEAD + hashlib.sha256(body.data).digest():
        return None
    return CompiledNetwork(body[1:], bool(body[0]))


def keep(key: str, network: CompiledNetwork) -> None:
    """Keep a compiled network, and drop those that were used longest ago where all are more than MAX_BYTES."""
    body = bytes([network.batchable]) + network.data.tobytes()
    if len(body) > MAX_BYTES:
        return
    with suppress(OSError):
        make_folder(_folder(), private=True)
        write_whole_bytes(_path(key), _HEAD + hashlib.sha256(body).digest() + body, private=True)
        _drop_oldest()


def forget(network: str) -> None:
    """Remove what was compiled from one ONNX file.

    Args:
        network: sha256 of the ONNX file.
    """
    for path in _folder().glob(f"{network}-*"):
        with suppress(OSError):
            path.unlink()


def _drop_oldest() -> None:
    left = MAX_BYTES
    found = [(path, path.stat()) for path in _folder().iterdir() if path.is_file()]
    for path, about in sorted(found, key=lambda one: one[1].st_mtime_ns, reverse=True):
        left -= about.st_size
        if left < 0:
            path.unlink(missing_ok=True)


def _folder() -> Path:
    return home() / FOLDER


def _path(key: str) -> Path:
    return _folder() / f"{key}.bin"
