"""Prediction files in WIDER FACE's form: EVENT/NAME.txt, in a folder or an archive. Reads only.

A file has the image's name, the number of boxes, and a row for each: left, top, width, height, score. Archives are
read in place; nothing is unpacked.
"""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from mien.data.sample import Problem
from mien.errors import ManifestError

Key = tuple[str, str]
"""Event and name of an image, without its ending."""

ARCHIVES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".zip")

UNREADABLE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What damaged archives, and those with a password, raise."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Boxes of each image: (N, 5) float64 left, top, width, height, score, the best first; and what was left out."""

    source: str
    boxes: dict[Key, NDArray[np.float64]]
    problems: tuple[Problem, ...] = ()


def read_predictions(source: Path) -> Predictions:
    """Read a folder or an archive of prediction files; a file or row of something else loses no other.

    Raises:
        ManifestError: nothing there, or no prediction files.
    """
    if not source.exists():
        raise ManifestError(f"{source} does not exist; give a folder or an archive of EVENT/NAME.txt files")
    boxes: dict[Key, NDArray[np.float64]] = {}
    problems: list[Problem] = []
    for name, data in _files(source):
        path = PurePosixPath(name)
        key = (path.parent.name, path.name.removesuffix(".txt").removesuffix(".jpg"))
        if key in boxes:
            raise ManifestError(f"{source}: {name} is a second file for {key[0]}/{key[1]}; keep one of them")
        table, wrong = _parse(data, f"{source}: {name}")
        problems += wrong
        if table is not None:
            boxes[key] = table
    if not boxes:
        first = f" ({problems[0].where}: {problems[0].reason})" if problems else ""
        raise ManifestError(f"{source} holds no prediction files; WIDER FACE's form is EVENT/NAME.txt{first}")
    return Predictions(str(source), boxes, tuple(problems))


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
    except UNREADABLE as reason:
        raise ManifestError(
            f"{source} is neither a folder nor a whole archive ({', '.join(ARCHIVES)}): {reason}"
        ) from reason


def _is_prediction(name: str) -> bool:
    # Archives made on a Mac hold a shadow of each file.
    path = PurePosixPath(name)
    return path.suffix == ".txt" and not path.name.startswith("._")


def _parse(data: bytes, where: str) -> tuple[NDArray[np.float64] | None, list[Problem]]:
    """The boxes of a file, the best first, and its rows that are not boxes; None for a file of something else."""
    rows = data.decode("utf-8", "replace").split("\n")
    if len(rows) < 2 or not rows[1].strip().isdecimal():
        return None, [Problem(f"{where}, line 2", "expected the number of boxes; the file is left out")]
    boxes: list[list[float]] = []
    problems: list[Problem] = []
    lines = [(number, row.split()) for number, row in enumerate(rows[2:], start=3) if row.strip()]
    for number, words in lines:
        values = _numbers(words)
        if values is None or len(values) != 5 or not np.isfinite(values).all():
            problems.append(Problem(f"{where}, line {number}", _fault(words, values)))
        else:
            boxes.append(values)
    if int(rows[1]) != len(lines):
        problems.append(Problem(f"{where}, line 2", f"announces {int(rows[1])} boxes, and {len(lines)} follow"))
    table = np.array(boxes, np.float64).reshape(-1, 5)
    return table[np.argsort(-table[:, 4], kind="stable")], problems


def _numbers(words: list[str]) -> list[float] | None:
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def _fault(words: list[str], values: list[float] | None) -> str:
    if values is None:
        return f"'{' '.join(words)[:40]}' is not a row of numbers"
    if len(values) != 5:
        return f"a box has 5 numbers (left top width height score), not {len(values)}"
    return "expected a finite number"
