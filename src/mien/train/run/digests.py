"""Digests of what a training reads, to know it again under another path. Reads no image."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def weights_digest(weights: Path | str) -> str:
    """sha256 of a file of weights, or of the state.pt in a checkpoint's folder; of a name, the name itself."""
    path = Path(weights)
    place = path / "state.pt" if path.is_dir() else path
    return _of_file(place) if place.is_file() else str(weights)


def together(digests: Iterable[str]) -> str:
    """One digest of several, in their order."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def pack_digest(folder: Path) -> str:
    """sha256 of pack.json, which has the sha256 of every shard."""
    return _of_file(folder / "pack.json")


def table_digest(names: Iterable[str], *columns: NDArray[np.generic]) -> str:
    """sha256 of names and columns of numbers."""
    digest = hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape"))
    for column in columns:
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
