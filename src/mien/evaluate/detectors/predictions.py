"""Prediction files in WIDER FACE's form: EVENT/NAME.txt, in a folder or an archive. Reads only.

A file has the image's name, the number of boxes, and a row for each: left, top, width, height, score. Archives are
read in place; nothing is unpacked.
"""

import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from mien.errors import ManifestError

Key = tuple[str, str]
"""Event and name of an image, without its ending."""

ARCHIVES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".zip")


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Boxes of each image: (N, 5) float64 left, top, width, height, score, the best first."""

    source: str
    boxes: dict[Key, NDArray[np.float64]]


def read_predictions(source: Path) -> Predictions:
    """Read a folder or an archive of prediction files.

    Raises:
        ManifestError: nothing there, no prediction files, or a row that is not a box; names the file and line.
    """
    if not source.exists():
        raise ManifestError(f"{source} does not exist; give a folder or an archive of EVENT/NAME.txt files")
    boxes: dict[Key, NDArray[np.float64]] = {}
    for name, data in _files(source):
        path = PurePosixPath(name)
        key = (path.parent.name, path.name.removesuffix(".txt").removesuffix(".jpg"))
        if key in boxes:
            raise ManifestError(f"{source}: {name} is a second file for {key[0]}/{key[1]}; keep one of them")
        boxes[key] = _parse(data, f"{source}: {name}")
    if not boxes:
        raise ManifestError(f"{source} holds no prediction files; WIDER FACE's form is EVENT/NAME.txt")
    return Predictions(str(source), boxes)


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    if source.is_dir():
        for path in sorted(source.rglob("*.txt")):
            yield path.relative_to(source).as_posix(), path.read_bytes()
        return
    try:
        if source.name.lower().endswith(".zip"):
            with zipfile.ZipFile(source) as archive:
                for entry in archive.infolist():
                    if _is_prediction(entry.filename):
                        yield entry.filename, archive.read(entry)
            return
        with tarfile.open(source) as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isfile() and _is_prediction(member.name) else None
                if stream is not None:
                    yield member.name, stream.read()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as reason:
        raise ManifestError(
            f"{source} is neither a folder nor a whole archive ({', '.join(ARCHIVES)}): {reason}"
        ) from reason


def _is_prediction(name: str) -> bool:
    # Archives made on a Mac hold a shadow of each file.
    path = PurePosixPath(name)
    return path.suffix == ".txt" and not path.name.startswith("._")


def _parse(data: bytes, where: str) -> NDArray[np.float64]:
    rows = data.decode("utf-8", "replace").split("\n")
    body = [row.split() for row in rows[2:] if row.strip()]
    try:
        table = np.array(body, np.float64).reshape(-1, 5)
        count = int(rows[1])
    except (ValueError, IndexError):
        raise ManifestError(f"{where}, {_fault(rows)}") from None
    if count != len(table):
        raise ManifestError(f"{where}, line 2 announces {count} boxes, and {len(table)} follow")
    if not np.isfinite(table).all():
        bad = int(np.argmin(np.isfinite(table).all(axis=1)))
        raise ManifestError(f"{where}, line {bad + 3}: expected a finite number")
    return table[np.argsort(-table[:, 4], kind="stable")]


def _fault(rows: list[str]) -> str:
    """The first line that is wrong."""
    if len(rows) < 2 or not rows[1].strip().isdigit():
        return "line 2: expected the number of boxes"
    for number, row in enumerate(rows[2:], start=3):
        words = row.split()
        try:
            numbers = [float(word) for word in words]
        except ValueError:
            return f"line {number}: '{row.strip()[:40]}' is not a row of numbers"
        if words and len(numbers) != 5:
            return f"line {number}: a box has 5 numbers (left top width height score), not {len(numbers)}"
    return "a row is not a box"
