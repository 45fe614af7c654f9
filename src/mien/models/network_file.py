"""Reads a network from disk in any format that mien takes, as one ONNX file. Knows no model and makes no card.

An ONNX file whose weights are in files next to it is brought into one; OpenVINO IR, tflite and the checkpoints of
networks that mien writes itself (MiniFASNet) are converted.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mien.errors import CardError

if TYPE_CHECKING:
    import onnx

MAX_BYTES = 2**31 - 1
"""Maximum size of a serialized ONNX file (protobuf's limit)."""


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A network as ONNX.

    Attributes:
        data: the ONNX file.
        converted_from: sha256 of the publisher's files, where the ONNX file was made from them; else None.
    """

    data: bytes
    converted_from: str | None = None


def read_network_file(path: Path) -> NetworkFile:
    """Read an ONNX file, OpenVINO IR by its .xml, a tflite file, or the .pth of a MiniFASNet.

    Raises:
        CardError: it cannot be read or converted, or a file that belongs to it is missing.
    """
    reader = (FORMATS | CHECKPOINTS).get(path.suffix.lower(), _read_onnx)
    try:
        return reader(path)
    except OSError as reason:
        raise CardError(f"{path} cannot be read: {reason.strerror}") from reason


def _read_onnx(path: Path) -> NetworkFile:
    data = path.read_bytes()
    model = _parse(data)
    if model is None:
        return NetworkFile(data)
    outside = _files_outside(model)
    if not outside:
        return NetworkFile(data)
    for name in outside:
        _require_beside(path, name)
    return NetworkFile(
        _with_weights(model, path), _digest(data, *(_inside(path, name).read_bytes() for name in outside))
    )


def _parse(data: bytes) -> "onnx.ModelProto | None":
    """The graph; None where the bytes are not ONNX, which the reader of graphs says better."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load_from_string(data)
    except (DecodeError, ValueError):
        return None


def _files_outside(model: "onnx.ModelProto") -> list[str]:
    """Names of the files that hold weights of the graph."""
    from onnx import TensorProto

    tensors = [tensor for tensor in model.graph.initializer if tensor.data_location == TensorProto.EXTERNAL]
    names = [entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"]
    return list(dict.fromkeys(names))


def _inside(path: Path, name: str) -> Path:
    return path.parent / name


def _require_beside(path: Path, name: str) -> None:
    """Refuse weights in another folder: a graph by others must not read any file of this machine."""
    if Path(name).name != name:
        raise CardError(f"{path} keeps weights in {name}, outside of its folder; export it again as one file")
    if not _inside(path, name).is_file():
        raise CardError(f"{path} keeps its weights in {name}, which is missing: put both files into one folder")


def _with_weights(model: "onnx.ModelProto", path: Path) -> bytes:
    from onnx import checker, external_data_helper

    try:
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except (ValueError, checker.ValidationError) as reason:
        raise CardError(f"the weights of {path} cannot be read: {reason}") from reason
    if model.ByteSize() > MAX_BYTES:
        raise CardError(f"{path} has more than 2 GB of weights; mien takes networks of at most 2 GB")
    return bytes(model.SerializeToString(deterministic=True))


def _read_ir(path: Path) -> NetworkFile:
    from mien.models.convert import convert

    weights = path.with_suffix(".bin")
    if not weights.is_file():
        raise CardError(f"{path} is OpenVINO IR without its weights: put {weights.name} into the same folder")
    data, numbers = path.read_bytes(), weights.read_bytes()
    return NetworkFile(convert(data, numbers, path.name), _digest(data, numbers))


def _read_tflite(path: Path) -> NetworkFile:
    from mien.models.convert import convert

    data = path.read_bytes()
    return NetworkFile(convert(data, None, path.name), _digest(data))


def _read_torch(path: Path) -> NetworkFile:
    from mien.models.minifasnet import convert_minifasnet, is_minifasnet
    from mien.models.torch_weights import read_torch_weights

    data = path.read_bytes()
    weights = read_torch_weights(data, path.name)
    if not is_minifasnet(weights):
        raise CardError(f"{path.name} holds weights without their network; make a model of them with `mien export`")
    return NetworkFile(convert_minifasnet(weights, path.name), _digest(data))


def _digest(*parts: bytes) -> str:
    """sha256 of the files, one after the other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()


FORMATS: dict[str, Callable[[Path], NetworkFile]] = {".onnx": _read_onnx, ".xml": _read_ir, ".tflite": _read_tflite}
"""By the end of a file's name, formats that hold a network; any other file is tried as ONNX."""
CHECKPOINTS: dict[str, Callable[[Path], NetworkFile]] = {".pth": _read_torch}
"""Formats that hold weights only; the network is recognized by their names."""
