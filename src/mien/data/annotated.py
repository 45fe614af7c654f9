"""Annotated images: the faces of each image of a data set, to train and to evaluate detectors on.

Reads a manifest or any foreign data set with boxes, and groups its rows by image. What cannot be used (no file, an
empty box, a box outside the image, a number that is not finite) is a problem that names the row, and affects no other
row. Reads only the headers of images.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.manifest_io import SUFFIXES, read_manifest
from mien.data.sample import Problem, Sample, Value
from mien.data.sources.registry import SOURCES, recognize
from mien.data.sources.source import Source
from mien.errors import ManifestError
from mien.faults import describe
from mien.geometry import corners
from mien.image import read_size
from mien.types import Floats, floats


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedImage:
    """An image and its faces.

    Attributes:
        path: the file.
        boxes: (N, 4) float32 x1, y1, x2, y2 in pixels of the upright image.
        landmarks: (N, 5, 2) float32, NaN where they are not known.
        ignore: (N,) bool, whether a face counts neither as found nor as missed.
        known: of each face, all other columns.
    """

    path: Path
    boxes: Floats
    landmarks: Floats
    ignore: NDArray[np.bool_]
    known: tuple[Mapping[str, Value], ...]


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedSet:
    """The images of a data set, and what could not be used of it."""

    images: tuple[AnnotatedImage, ...]
    problems: tuple[Problem, ...]

    @property
    def faces(self) -> int:
        """Faces that count."""
        return sum(int((~image.ignore).sum()) for image in self.images)


def read_annotated(source: Path, split: str | None = None) -> AnnotatedSet:
    """Read a manifest with boxes, or a data set that mien knows, such as WIDER FACE.

    Args:
        source: a manifest, or the file or folder of a data set.
        split: only rows of this split.

    Raises:
        ManifestError: it cannot be read, or holds no annotated image.
    """
    problems: list[Problem] = []
    samples: list[tuple[str, Sample]] = []
    if source.suffix.lower() in SUFFIXES:
        manifest = read_manifest(source, problems.append)
        samples = [(manifest.row(index), sample) for index, sample in enumerate(manifest.samples())]
    else:
        for row in _source(source).read(source):
            if isinstance(row, Problem):
                problems.append(row)
            else:
                samples.append((row.name, row))
    if split is not None:
        samples = [(where, sample) for where, sample in samples if sample.known.get("split") == split]
    found, unusable = _group(samples)
    if not found:
        why = f"; {unusable[0].where}: {unusable[0].reason}" if unusable else ""
        raise ManifestError(f"{source} holds no annotated image{f' of the split {split}' if split else ''}{why}")
    return AnnotatedSet(tuple(found), (*problems, *unusable))


def _source(path: Path) -> Source:
    if not path.exists():
        raise ManifestError(f"{path} does not exist; name a manifest with boxes, or a data set such as WIDER FACE")
    found = recognize(path)
    if found is None:
        known = "; ".join(f"{source.name}: {source.summary}" for source in SOURCES.values() if source.has_boxes)
        raise ManifestError(
            f"{path} is not a manifest ({', '.join(SUFFIXES)}) and not a data set with boxes ({known})"
        )
    return found


def _group(samples: Iterable[tuple[str, Sample]]) -> tuple[list[AnnotatedImage], list[Problem]]:
    rows: dict[Path, list[Sample]] = {}
    sizes: dict[Path, tuple[int, int] | None] = {}
    problems = []
    for where, sample in samples:
        if sample.path not in sizes:
            try:
                sizes[sample.path] = read_size(sample.path)
                rows[sample.path] = []
            except Exception as fault:  # noqa: BLE001 - one image's fault, whatever it is
                sizes[sample.path] = None
                problems.append(Problem(where, describe(fault, str(sample.path))))
        size = sizes[sample.path]
        if size is None:
            continue
        reason = unusable(sample, *size)
        if reason:
            problems.append(Problem(where, reason))
        elif sample.box is not None:
            rows[sample.path].append(sample)
    return [_annotated(path, own) for path, own in rows.items()], problems


def unusable(sample: Sample, width: int, height: int) -> str:
    """Why the box of a row cannot be used; empty where it can, or where the row has no box.

    Args:
        sample: the row.
        width: of its image in pixels.
        height: of its image in pixels.
    """
    box = sample.box
    if box is None:
        return ""
    if not all(math.isfinite(side) for side in box.corners):
        return "its box has a number that is not finite"
    if box.width <= 0 or box.height <= 0:
        return f"its box of {box.width:g}x{box.height:g} is empty"
    if box.x2 <= 0 or box.y2 <= 0 or box.x1 >= width or box.y1 >= height:
        return f"its box is outside the image of {width}x{height}"
    return ""


def _annotated(path: Path, samples: list[Sample]) -> AnnotatedImage:
    boxes = corners(s.box for s in samples if s.box)
    nowhere = np.full((5, 2), np.nan, np.float32)
    points = [s.landmarks if s.landmarks is not None else nowhere for s in samples]
    ignore = [bool(s.known.get("ignore") or s.known.get("invalid")) for s in samples]
    known = tuple({key: value for key, value in s.known.items() if key != "ignore"} for s in samples)
    return AnnotatedImage(path, boxes, floats(points).reshape(-1, 5, 2), np.array(ignore, np.bool_), known)
