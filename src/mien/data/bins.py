"""Verification sets of InsightFace, `.bin`: a pickle of encoded images and of which pairs are mated.

The pickle is (images, mated): 2 P encoded images, as bytes or as uint8 arrays, and P truth values; pair i compares
images 2 i and 2 i + 1. A pickle can run any code when it is loaded, so only lists, tuples, bytes, numbers and numpy
arrays of plain numbers are allowed to come out of this one; anything else is refused before it is called.
"""

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import ManifestError


@dataclass(frozen=True, slots=True, eq=False)
class VerificationBin:
    """A verification set.

    Attributes:
        images: 2 P encoded images.
        mated: (P,) bool.
    """

    images: tuple[bytes, ...]
    mated: NDArray[np.bool_]


class _ForbiddenError(Exception):
    """A name that a pickle of images has no business with."""


def _dtype(name: str | bytes, *rest: bool | int) -> np.dtype[Any]:
    text = name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)
    if text.strip("<>=|") not in ("u1", "i1", "i2", "i4", "i8", "u2", "u4", "u8", "f4", "f8", "b1"):
        raise _ForbiddenError(f"an array of type {text}")
    return np.dtype(text)


def _array(*arguments: object) -> NDArray[np.uint8]:
    return np.ndarray((0,), np.uint8)


def _encode(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1")


def _scalar(dtype: np.dtype[Any], data: bytes) -> Any:  # noqa: ANN401 - a number of that type
    raw = data if isinstance(data, bytes) else str(data).encode("latin1")
    return np.frombuffer(raw, dtype, 1)[0]


def _never(*arguments: object) -> None:
    raise _ForbiddenError("numpy.ndarray as a function")


ALLOWED: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "dtype"): _dtype,
    ("numpy", "ndarray"): _never,
    ("_codecs", "encode"): _encode,
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("numpy._core.multiarray", "_reconstruct"): _array,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): lambda data, dtype, shape, order: np.frombuffer(data, dtype),
    ("numpy._core.numeric", "_frombuffer"): lambda data, dtype, shape, order: np.frombuffer(data, dtype),
}
"""What a pickle of arrays may name, and our own functions that stand for it."""


class _Restricted(pickle._Unpickler):
    """Python's own unpickler: the one in C takes as much memory as ten bytes of a file ask for."""

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        found = ALLOWED.get((module, name))
        if found is None:
            raise _ForbiddenError(f"{module}.{name}")
        return found


def read_bin(path: Path) -> VerificationBin:
    """Read a `.bin` set.

    Raises:
        ManifestError: unreadable, no such pickle, one that names anything but arrays, or counts that do not fit.
    """
    try:
        loaded = _Restricted(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except OSError as reason:
        raise ManifestError(f"{path} cannot be read: {reason.strerror}") from reason
    except _ForbiddenError as reason:
        raise ManifestError(
            f"{path} is refused: its pickle names {reason}, which is not part of a list of images, and loading it "
            "could run code"
        ) from reason
    except Exception as reason:
        raise ManifestError(f"{path} is not a verification set: {type(reason).__name__} {reason}") from reason
    return _checked(loaded, str(path))


def _checked(loaded: object, name: str) -> VerificationBin:
    if not (isinstance(loaded, tuple | list) and len(loaded) == 2):
        raise ManifestError(f"{name} is not a verification set: a pair of images and truth values is expected")
    images, mated = loaded
    if not isinstance(images, SEVERAL) or not isinstance(mated, SEVERAL):
        raise ManifestError(f"{name} is not a verification set: a list of images and a list of truths are expected")
    truths = np.array([_truth(value, index, name) for index, value in enumerate(mated)], bool)
    encoded = tuple(_bytes(image, index, name) for index, image in enumerate(images))
    if not len(truths) or len(encoded) != 2 * len(truths):
        raise ManifestError(f"{name} has {len(encoded)} images for {len(truths)} pairs; two for each are expected")
    return VerificationBin(encoded, truths)


SEVERAL = (list, tuple, np.ndarray)


def _truth(value: object, index: int, name: str) -> bool:
    if isinstance(value, bool | int | float | np.number | np.bool_) and value in (0, 1):
        return bool(value)
    raise ManifestError(f"{name}: truth {index} is {str(value)[:20]!r}, not true or false")


def _bytes(image: object, index: int, name: str) -> bytes:
    if isinstance(image, bytes | bytearray):
        return bytes(image)
    if isinstance(image, np.ndarray) and image.dtype == np.uint8:
        if image.size == max(image.shape, default=0):
            return image.tobytes()
        raise ManifestError(
            f"{name}: image {index} is an array of {'x'.join(map(str, image.shape))} decoded values, and nothing "
            "says in which order its colours are: store it encoded, as cv2.imencode('.png', image) gives it"
        )
    raise ManifestError(f"{name}: image {index} is a {type(image).__name__}, not an encoded image")


def write_bin(path: Path, images: list[bytes], mated: list[bool]) -> None:
    """Write a `.bin` set that the field's tools read."""
    path.write_bytes(pickle.dumps((images, mated), protocol=2))
