"""Reads the weights of a torch checkpoint by name without torch: the old format and the zip archive.

A checkpoint is a pickle. Only the handful of names that weights need are taken from it; any other name is refused, so
no code of a file runs. Knows no network.
"""

import io
import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import CardError
from mien.models.archives import member, opened

Weights = dict[str, NDArray[Any]]
MAGIC = 0x1950A86A20F9469CFC6C
"""What the old format begins with."""
TYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}
WRAPPERS = ("state_dict", "model", "net")
"""Keys under which some checkpoints keep their weights."""


@dataclass(frozen=True, slots=True)
class _Storage:
    """A run of numbers, by its key in the file."""

    key: str
    kind: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A part of a storage; strides count numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, storages: Mapping[str, bytes]) -> NDArray[Any]:
        """Its numbers, copied.

        Raises:
            ValueError: it reaches beyond its storage.
        """
        flat = np.frombuffer(storages[self.storage.key], self.storage.kind)
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.strides)) < 0 or (0 not in self.shape and last >= len(flat)):
            raise ValueError("a tensor reaches beyond its storage")
        if math.prod(self.shape) > len(flat):
            raise ValueError("a tensor reaches beyond its storage with numbers that it repeats")
        steps = tuple(step * flat.itemsize for step in self.strides)
        return np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps).copy()


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Reader(pickle.Unpickler):
    """Takes ordered dictionaries, tensors and their storages; nothing else is looked up."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - what the pickle names
        allowed: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        }
        if module == "torch" and name in TYPES:
            return TYPES[name]
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> _Storage:  # noqa: ANN401 - what the pickle holds
        return _Storage(str(pid[2]), pid[1])


def read_torch_weights(data: bytes, name: str) -> Weights:
    """The weights of a checkpoint by name.

    Args:
        data: the file.
        name: what messages call it.

    Raises:
        CardError: not a checkpoint, damaged, or with objects that are not weights.
    """
    reader = _read_archive if data.startswith(b"PK") else _read_old
    try:
        content, storages = reader(data, name)
        weights = {key: tensor.read(storages) for key, tensor in _tensors(content).items()}
    except CardError:
        raise
    except Exception as reason:
        # A damaged pickle raises what it likes: MemoryError where a length is, EOFError, IndexError...
        raise CardError(
            f"{name} is not a checkpoint of torch that holds weights only ({reason or type(reason).__name__}); save "
            "the network's state_dict and use that"
        ) from reason
    if not weights:
        raise CardError(f"{name} holds no weights by name; save the network's state_dict and use that")
    return weights


def _tensors(content: Any) -> dict[str, _Tensor]:  # noqa: ANN401 - what the pickle holds
    inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping)), content)
    return {str(key): value for key, value in inner.items() if isinstance(value, _Tensor)}


def _read_old(data: bytes, _: str) -> tuple[Any, Mapping[str, bytes]]:
    stream = io.BytesIO(data)

    def load() -> Any:  # noqa: ANN401 - what the pickle holds
        return _Reader(stream).load()

    if load() != MAGIC:
        raise ValueError("it does not begin as one")
    load()  # the version of the format
    load()  # sizes of the machine that wrote it
    content = load()
    kinds = {one.storage.key: one.storage.kind for one in _tensors(content).values()}
    storages = {}
    for key in load():
        count = int.from_bytes(stream.read(8), "little")
        storages[str(key)] = stream.read(count * kinds[str(key)].itemsize)
    return content, storages


def _read_archive(data: bytes, name: str) -> tuple[Any, Mapping[str, bytes]]:
    stream, again = io.BytesIO(data), "copy it again"
    with opened(stream, name, CardError, again) as archive:
        place = next((one for one in archive.namelist() if one.endswith("/data.pkl")), "data.pkl")
        pickled = member(archive, place)
    content = _Reader(io.BytesIO(pickled)).load()
    keys = {one.storage.key for one in _tensors(content).values()}
    with opened(stream, name, CardError, again) as archive:
        return content, {key: member(archive, f"{place.removesuffix('data.pkl')}data/{key}") for key in keys}
