"""The one composition: image files -> faces -> crops -> embeddings, in batches, on all cores.

Each worker takes a handful of files and carries them through decoding, detection, alignment and embedding, so the
stages of different files overlap. Results come in the order of the files. A file that fails is a result with an
error, and harms no other. Compares no scores and stores nothing.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from mien.align import cut_out
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.errors import DegenerateLandmarksError, ImageError
from mien.image import DEFAULT_LIMITS, Limits, decode, read_bytes
from mien.models import store
from mien.models.defaults import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER
from mien.models.engines import usable_cores
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.prefetch import prefetch
from mien.recognize.recognizer import Recognizer
from mien.types import Box, Cutout, Face, Faces, Floats, Image, Photo, floats

DECODED = 1280
"""Pixels along the longer side down to which a JPEG may be reduced while decoding: a face of an eighth of that
still fills a crop, and for smaller ones the file is decoded in full."""

SOFT = 1.15
"""How much a crop may magnify a reduced picture before the file is decoded in full: a seventh is not seen by a
network that was trained on faces of all sharpnesses."""

CHUNK = 16
"""Files that a worker carries at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What was found in one file.

    Attributes:
        path: the file.
        width: of the upright picture, in pixels; 0 where the file failed.
        height: likewise.
        faces: best first, in pixels of the source picture.
        crops: (N, size, size, 3) uint8 RGB, one a face; empty without a recognizer.
        embeddings: (N, D) float32, one a face; empty without a recognizer.
        cutouts: one a face, where they were asked for.
        sha256: of the file's bytes, where cutouts were asked for; else empty.
        error: why the file failed, or None.
    """

    path: Path
    width: int
    height: int
    faces: Faces
    crops: Image
    embeddings: Floats
    cutouts: tuple[Cutout, ...] = ()
    sha256: str = ""
    error: str | None = None


NO_CROPS = np.empty((0, 0, 0, 3), np.uint8)
NO_EMBEDDINGS = np.empty((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A decoded file, and its bytes in case a small face needs more pixels."""

    path: Path
    data: bytes
    photo: Photo


class Pipeline:
    """A detector and, where embeddings are wanted, a recognizer."""

    def __init__(
        self,
        detector: Detector,
        recognizer: Recognizer | None,
        *,
        workers: int = 1,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.detector, self.recognizer = detector, recognizer
        self._workers, self._limits = max(1, workers), limits

    def analyse(self, paths: Iterable[Path], *, cutouts: bool = False) -> Iterator[Analysis]:
        """Analyse files in their order, some chunks ahead of the caller and never all at once.

        Args:
            paths: image files.
            cutouts: whether to cut out the faces with their surroundings, for a gallery.
        """
        queue = iter(paths)
        chunks = iter(lambda: list(islice(queue, CHUNK)), [])
        with ThreadPoolExecutor(self._workers) as pool:
            for results in prefetch(
                pool, lambda chunk: self._analyse_chunk(chunk, cutouts), chunks, self._workers + 1
            ):
                yield from results

    def _analyse_chunk(self, paths: Sequence[Path], cutouts: bool) -> list[Analysis]:
        results: dict[int, Analysis] = {}
        loaded: dict[int, _Loaded] = {}
        for index, path in enumerate(paths):
            try:
                data = read_bytes(path, self._limits)
                longest = max(DECODED, self.detector.longest)
                photo = decode(data, str(path), longest=longest, limits=self._limits)
                loaded[index] = _Loaded(path, data, photo)
            except ImageError as reason:
                results[index] = Analysis(path, 0, 0, (), NO_CROPS, NO_EMBEDDINGS, error=str(reason))
        items = list(loaded.values())
        found = self.detector.detect([item.photo.image for item in items])
        seen = [self._sharpen(item, faces) for item, faces in zip(items, found, strict=True)]
        results.update(zip(loaded, self._embed(seen, cutouts), strict=True))
        return [results[index] for index in range(len(paths))]

    def _sharpen(self, item: _Loaded, faces: Faces) -> "_Seen":
        """Decode a reduced picture in full where it shows a face with fewer pixels than a crop has."""
        photo, network = item.photo, self.recognizer
        if network and photo.reduction > 1 and any(network.magnification(face) > SOFT for face in faces):
            full = decode(item.data, str(item.path), limits=self._limits)
            return _Seen(replace(item, photo=full), tuple(_to_source(face, photo) for face in faces))
        return _Seen(item, faces)

    def _embed(self, seen: Sequence["_Seen"], cutouts: bool) -> list[Analysis]:
        if self.recognizer is None:
            return [_analysis(one, one.faces, NO_CROPS, NO_EMBEDDINGS, cutouts) for one in seen]
        aligned = [_align(one, self.recognizer) for one in seen]
        embeddings = self.recognizer.embed([crop for _, own in aligned for crop in own])
        results, start = [], 0
        for one, (faces, own) in zip(seen, aligned, strict=True):
            crops = np.stack(own) if own else NO_CROPS
            results.append(_analysis(one, faces, crops, embeddings[start : start + len(own)], cutouts))
            start += len(own)
        return results


@dataclass(frozen=True, slots=True)
class _Seen:
    """A decoded file and its faces in pixels of the decoded picture."""

    item: _Loaded
    faces: Faces


def _align(one: _Seen, recognizer: Recognizer) -> tuple[Faces, list[Image]]:
    """The faces whose landmarks fix a pose, and their crops."""
    kept, crops = [], []
    for face in one.faces:
        try:
            crops.append(recognizer.align(one.item.photo.image, face))
        except DegenerateLandmarksError:
            continue
        kept.append(face)
    return tuple(kept), crops


def _analysis(one: _Seen, faces: Faces, crops: Image, embeddings: Floats, cutouts: bool) -> Analysis:
    photo = one.item.photo
    return Analysis(
        one.item.path,
        photo.width,
        photo.height,
        tuple(_to_source(face, photo) for face in faces),
        crops,
        embeddings,
        tuple(cut_out(photo.image, face) for face in faces) if cutouts else (),
        hashlib.sha256(one.item.data).hexdigest() if cutouts else "",
    )


def _to_source(face: Face, photo: Photo) -> Face:
    if photo.reduction == 1:
        return face
    x, y = photo.width / photo.image.shape[1], photo.height / photo.image.shape[0]
    box = Box(face.box.x1 * x, face.box.y1 * y, face.box.x2 * x, face.box.y2 * y)
    return replace(face, box=box, landmarks=face.landmarks * floats([x, y]))


def open_pipeline(
    detector: str = DEFAULT_DETECTOR,
    recognizer: str | None = DEFAULT_RECOGNIZER,
    options: EngineOptions = DEFAULT_OPTIONS,
    *,
    many: bool = False,
) -> Pipeline:
    """Open a detector and a recognizer by name or card.

    Args:
        detector: see open_detector.
        recognizer: a recognizer's name or card; None finds faces only.
        options: of the engine.
        many: whether many files will come, so that workers share the cores rather than one call taking all.
    """
    workers = usable_cores() if many else 1
    chosen = replace(options, streams=workers) if many else options
    opened = None if recognizer is None else Recognizer(store.load(recognizer), chosen)
    return Pipeline(open_detector(detector, chosen), opened, workers=workers)
