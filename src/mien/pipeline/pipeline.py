"""The one composition: images -> faces -> crops -> embeddings, in batches, on all cores.

Each worker takes a handful of images and carries them through the stages, so that the stages of different images
overlap. Results come in the order of the items. An item that fails is a result with an error and harms no other.
Compares no scores and stores nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from mien.align import cut_out
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.faults import describe
from mien.models import store
from mien.models.defaults import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER
from mien.models.engines import usable_cores
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.notebook import html_images, html_table
from mien.pipeline.isolate import isolate
from mien.pipeline.items import Item, as_item
from mien.pipeline.policy import NO_POSE, Policy, Refused, choose
from mien.pipeline.stages import Broken, ImageFaces, ReadOptions, Wanted, align_faces, find_faces, refine, to_source
from mien.prefetch import prefetch
from mien.recognize.recognizer import Recognizer
from mien.thumbnail import small_jpeg
from mien.types import Cutout, Faces, Floats, Image

CHUNK = 16
"""Images that a worker takes at a time."""

NO_CROPS = np.empty((0, 0, 0, 3), np.uint8)
NO_EMBEDDINGS = np.empty((0, 0), np.float32)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Analysis:
    """What was found in one image.

    Attributes:
        item: the image.
        width: of the upright image in pixels; 0 where it could not be read.
        height: of the upright image in pixels; 0 where it could not be read.
        faces: best first, in pixels of the source; with a recognizer only those that could be aligned.
        unaligned: faces whose landmarks fix no pose, so that they have no embedding; empty without a recognizer.
        crops: (N, size, size, 3) uint8 RGB, one per face; empty without a recognizer.
        embeddings: (N, D) float32, one per face; empty without a recognizer. Where only the face that counts was
            embedded, the rows of the others are NaN.
        cutouts: one per face, where they were asked for.
        sha256: of the encoded bytes, where cutouts were asked for; else empty.
        error: why it could not be read, or None.
    """

    item: Item
    width: int = 0
    height: int = 0
    faces: Faces = ()
    unaligned: Faces = ()
    crops: Image = field(default_factory=lambda: NO_CROPS)
    embeddings: Floats = field(default_factory=lambda: NO_EMBEDDINGS)
    cutouts: tuple[Cutout, ...] = ()
    sha256: str = ""
    error: str | None = None

    def _repr_html_(self) -> str:
        """The faces with their crops, for notebooks; or why the image could not be read."""
        if self.error is not None:
            return html_table(self.error, ())
        rows = [
            (", ".join(f"{side:.0f}" for side in face.box.corners), f"{face.score:.2f}", face.turn)
            for face in self.faces
        ]
        title = f"{self.name}: {self.width}x{self.height}, faces: {len(self.faces)}"
        table = html_table(title, rows, ("box: x1, y1, x2, y2", "score", "turn"))
        return table + html_images(small_jpeg(crop, 112) for crop in self.crops)

    @property
    def name(self) -> str:
        """What the image is called; the path of a file."""
        return self.item.name

    @property
    def turn(self) -> int:
        """Degrees clockwise by which the image has to be turned for its faces to be upright; 0 without a face."""
        return next((face.turn for face in (*self.faces, *self.unaligned)), 0)

    def choose(self, policy: Policy) -> int | Refused:
        """Choose the face that the image was taken of: its place in `faces`, or why there is none."""
        if self.error is not None:
            return Refused("broken", self.error)
        # All faces compete: taking another one because the subject's landmarks failed could take a bystander.
        everyone = (*self.faces, *self.unaligned)
        best = choose(everyone, self.width, self.height, policy)
        return NO_POSE if isinstance(best, int) and best >= len(self.faces) else best


class Pipeline:
    """A detector and, where embeddings are wanted, a recognizer.

    Args:
        detector: finds the faces.
        recognizer: embeds them; None finds faces only.
        workers: threads, each of which carries a chunk of images.
        reading: how images are read, and how many decoded bytes may be in memory at once.
    """

    def __init__(
        self,
        detector: Detector,
        recognizer: Recognizer | None,
        *,
        workers: int = 1,
        reading: ReadOptions | None = None,
    ) -> None:
        self.detector, self.recognizer = detector, recognizer
        self.workers, self._reading = max(1, workers), reading or ReadOptions()

    def analyse(
        self, sources: Iterable[Path | Item], *, cutouts: bool = False, only: Policy | None = None
    ) -> Iterator[Analysis]:
        """Analyse images in their order, some chunks ahead of the caller and never all at once.

        Args:
            sources: paths of image files, or items made of bytes or arrays.
            cutouts: whether to cut out the faces with their surroundings, for a gallery.
            only: embed the face alone that this policy takes; None embeds all faces.
        """
        queue = iter(sources)
        chunks = iter(lambda: [as_item(one) for one in islice(queue, CHUNK)], [])
        with ThreadPoolExecutor(self.workers) as pool:
            for results in prefetch(
                pool, lambda chunk: self.analyse_chunk(chunk, cutouts=cutouts, only=only), chunks, self.workers + 1
            ):
                yield from results

    def analyse_chunk(
        self, items: Sequence[Item], *, cutouts: bool = False, only: Policy | None = None
    ) -> list[Analysis]:
        """Analyse a few images in this thread; see analyse."""
        results: list[Analysis] = []
        for group in find_faces([Wanted(item) for item in items], self.detector, self._reading):
            results += self._finish(group, cutouts, only)
        return results

    def _finish(self, group: Sequence[ImageFaces | Broken], cutouts: bool, only: Policy | None) -> list[Analysis]:
        """Align and embed the faces of a group; crops are cut image by image, so one is decoded in full at a time."""
        found = [self._aligned(one, cutouts) for one in group]
        if self.recognizer is None:
            return found
        wanted = [_counted(one, only) for one in found]
        vectors = isolate(self._embed, [one.crops[places] for one, places in zip(found, wanted, strict=True)])
        return [_with_embeddings(one, rows, places) for one, rows, places in zip(found, vectors, wanted, strict=True)]

    def _embed(self, crops: Sequence[Image]) -> list[Floats]:
        """Embed the crops of several images together; the rows of each image."""
        assert self.recognizer is not None
        vectors = self.recognizer.embed([crop for own in crops for crop in own])
        return np.split(vectors, np.cumsum([len(own) for own in crops])[:-1])

    def _aligned(self, found: ImageFaces | Broken, cutouts: bool) -> Analysis:
        if isinstance(found, Broken):
            return Analysis(item=found.item, error=found.reason)
        try:
            return self._align(found, cutouts)
        except Exception as reason:  # noqa: BLE001 - one file's fault, whatever it is
            return Analysis(item=found.loaded.item, error=describe(reason, found.loaded.item.name))

    def _align(self, found: ImageFaces, cutouts: bool) -> Analysis:
        kept, lost, crops = found.faces, [], []
        if self.recognizer is not None:
            template, size = self.recognizer.template, self.recognizer.size
            found = refine(found, found.faces, template, self._reading.limits)
            pairs = list(zip(found.faces, align_faces(found, template, size), strict=True))
            kept = tuple(face for face, crop in pairs if crop is not None)
            lost = [face for face, crop in pairs if crop is None]
            crops = [crop for _, crop in pairs if crop is not None]
        photo = found.loaded.photo
        return Analysis(
            item=found.loaded.item,
            width=photo.width,
            height=photo.height,
            faces=tuple(to_source(face, photo) for face in kept),
            unaligned=tuple(to_source(face, photo) for face in lost),
            crops=np.stack(crops) if crops else NO_CROPS,
            cutouts=tuple(cut_out(photo.image, face) for face in kept) if cutouts else (),
            sha256=found.loaded.sha256 if cutouts else "",
        )


def _counted(analysis: Analysis, only: Policy | None) -> list[int]:
    """The places of the faces whose embeddings are wanted."""
    if only is None:
        return list(range(len(analysis.faces)))
    best = analysis.choose(only)
    return [] if isinstance(best, Refused) else [best]


def _with_embeddings(found: Analysis, rows: Floats | Exception, places: Sequence[int]) -> Analysis:
    """An image with the embeddings of its faces, or with why there are none."""
    if isinstance(rows, Exception):
        return Analysis(item=found.item, error=describe(rows, found.name))
    return replace(found, embeddings=_in_place(rows, places, len(found.crops)))


def _in_place(vectors: Floats, places: Sequence[int], count: int) -> Floats:
    """Embeddings of some faces among all faces of an image."""
    if len(places) == count:
        return vectors
    rows = np.full((count, vectors.shape[1]), np.nan, np.float32)
    rows[places] = vectors
    return rows


def open_pipeline(
    detector: str = DEFAULT_DETECTOR,
    recognizer: str | None = DEFAULT_RECOGNIZER,
    options: EngineOptions = DEFAULT_OPTIONS,
    *,
    many: bool = False,
    reading: ReadOptions | None = None,
) -> Pipeline:
    """Open a detector and a recognizer by name or card.

    Args:
        detector: see open_detector.
        recognizer: a recognizer's name or card; None finds faces only.
        options: engine options.
        many: whether many images will come, so that workers share the cores rather than one call taking all.
        reading: how images are read.

    Example:
        >>> pipeline = mien.open_pipeline("mtcnn", "dlib-resnet")
        >>> [analysis.embeddings.shape for analysis in pipeline.analyse([Path("collins.jpg")])]
        [(1, 128)]
    """
    workers = usable_cores() if many else 1
    chosen = replace(options, streams=workers) if many else options
    opened = None if recognizer is None else Recognizer(store.load(recognizer), chosen)
    return Pipeline(open_detector(detector, chosen), opened, workers=workers, reading=reading)
