"""MTCNN: three cascaded networks over an image pyramid (Zhang et al., IEEE SPL 23(10), 2016).

P-Net proposes 12-pixel windows on every level, R-Net and O-Net refine them at 24 and 48 pixels, and O-Net adds the
landmarks. O-Net then looks once more at the box that it found, as landmarks are most exact where the box is (measured
in docs/log.md). Images of about one size go through each network together. Every level has a margin of half a window,
and the pyramid goes on until a window covers more than the whole picture, so that faces that fill the frame are
proposed like others.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.detect.schedule import to_faces
from mien.geometry import nms, suppress_nested
from mien.models.options import EngineOptions
from mien.models.session import Session
from mien.models.store import Model
from mien.types import Faces, Floats, Image, floats

Pyramid = list[Image]
"""One picture and its halves."""

WINDOW = 12
"""Side of P-Net's window in pixels."""
CELL = 2
"""P-Net's stride in pixels."""
PAPER = 127
"""Grey around a picture: the value that is nearest to 0 after normalization."""


@dataclass(frozen=True, slots=True)
class MtcnnSettings:
    """MTCNN's parameters.

    Attributes:
        smallest: the smallest face that is looked for, in pixels of the working picture.
        tallest: a higher picture is shrunk to this height first, so that `smallest` is 5% of it.
        longest: likewise for its longer side.
        factor: from one level of the pyramid to the next (the paper's 0.709, so that areas halve).
        proposal: min face probability of P-Net.
        refinement: of R-Net.
        output: of O-Net.
        largest: a window may be this much larger than the picture's shorter side.
    """

    smallest: float = 32
    tallest: int = 640
    longest: int = 1280
    factor: float = 0.709
    proposal: float = 0.6
    refinement: float = 0.7
    output: float = 0.8
    largest: float = 1.6


EARLY = (("proposal", 0.45), ("refinement", 0.3))
"""How low the limits of the first two stages may go for a low min score: below, proposals are beyond number."""


@dataclass(frozen=True, slots=True, eq=False)
class _Proposals:
    """Boxes of a batch: (N, 4) in pixels of the working pictures, (N,) scores, (N,) the picture's index."""

    boxes: Floats
    scores: Floats
    owner: NDArray[np.int64]

    def take(self, index: NDArray[np.int64]) -> "_Proposals":
        return _Proposals(self.boxes[index], self.scores[index], self.owner[index])


class Mtcnn:
    """The three networks as one detector."""

    min_score = MtcnnSettings().output

    def __init__(
        self,
        model: Model,
        options: EngineOptions,
        settings: MtcnnSettings | None = None,
        *,
        min_score: float | None = None,
    ) -> None:
        self.name = model.card.name
        chosen = settings or MtcnnSettings()
        if min_score is not None:
            # Earlier stages let more through as well, as far as that is bearable.
            early = {name: min(getattr(chosen, name), max(min_score, low)) for name, low in EARLY}
            chosen = replace(chosen, output=min_score, **early)
        self.settings = chosen
        self.longest = self.settings.longest
        self._pnet, self._rnet, self._onet = (model.session(part, options) for part in ("pnet", "rnet", "onet"))

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        working = [_shrink(image, self.settings) for image in images]
        by_canvas: dict[tuple[int, int], list[int]] = {}
        for index, image in enumerate(working):
            by_canvas.setdefault(_canvas(image), []).append(index)
        faces: list[Faces] = [()] * len(images)
        for canvas, members in by_canvas.items():
            scales = [images[i].shape[1] / working[i].shape[1] for i in members]
            found = self._detect_group([working[i] for i in members], canvas, scales)
            for i, own in zip(members, found, strict=True):
                faces[i] = own
        return faces

    def landmarks(self, image: Image, boxes: Floats) -> Floats:
        """Five landmarks for boxes that another detector found, by O-Net alone: (N, 5, 2) float32."""
        proposals = _Proposals(boxes, np.ones(len(boxes), np.float32), np.zeros(len(boxes), np.int64))
        return self._landmarks([_halved(image)], proposals)

    def _landmarks(self, images: list[Pyramid], found: _Proposals) -> Floats:
        if not len(found.boxes):
            return np.empty((0, 5, 2), np.float32)
        squares = _Proposals(_square(found.boxes), found.scores, found.owner)
        return _points(squares.boxes, _run(self._onet, _patches(images, squares, 48))[1])

    def _detect_group(self, pictures: list[Image], canvas: tuple[int, int], scales: list[float]) -> list[Faces]:
        images = [_halved(picture) for picture in pictures]
        kept = self._finish(images, self._refine(images, self._propose(images, canvas)))
        landmarks = self._landmarks(images, kept)
        faces = []
        for index, scale in enumerate(scales):
            own = np.flatnonzero(kept.owner == index)
            own = own[np.argsort(-kept.scores[own], kind="stable")]
            grow = np.float32(scale)
            faces.append(to_faces(kept.boxes[own] * grow, kept.scores[own], landmarks[own] * grow))
        return faces

    def _propose(self, images: list[Pyramid], canvas: tuple[int, int]) -> _Proposals:
        levels = [pyramid(own[0].shape[1], own[0].shape[0], self.settings) for own in images]
        found = []
        most = max(len(own) for own in levels)
        for number, scale in enumerate(next(own for own in levels if len(own) == most)):
            # Larger pictures have coarser levels that smaller ones do without.
            members = [index for index, own in enumerate(levels) if number < len(own)]
            parts = [self._propose_level(images, batch, canvas, scale) for batch in _batches(members)]
            proposals = _joined(parts)
            kept = nms(proposals.boxes, proposals.scores, 0.5, proposals.owner)
            found.append(proposals.take(kept))
        everything = _joined(found)
        everything = everything.take(nms(everything.boxes, everything.scores, 0.7, everything.owner))
        return _Proposals(_square(everything.boxes), everything.scores, everything.owner)

    def _propose_level(
        self, images: list[Pyramid], members: list[int], canvas: tuple[int, int], scale: float
    ) -> _Proposals:
        margin = WINDOW // 2
        room = (round(canvas[0] * scale) + 2 * margin, round(canvas[1] * scale) + 2 * margin)
        level = np.full((len(members), room[1], room[0], 3), PAPER, np.uint8)
        actual = np.empty((len(members), 4), np.float32)
        for place, member in enumerate(members):
            height, width = images[member][0].shape[:2]
            halvings = min(len(images[member]) - 1, max(0, int(math.log2(1 / scale))))
            size = max(1, round(width * scale)), max(1, round(height * scale))
            small = cv2.resize(images[member][halvings], size, interpolation=cv2.INTER_LINEAR)
            level[place, margin : margin + size[1], margin : margin + size[0]] = small
            actual[place] = [width / size[0], height / size[1]] * 2
        shifts, probabilities = self._pnet.run(level)
        owner, row, column = np.nonzero(probabilities[:, 1] > self.settings.proposal)
        corner = np.stack([column, row], axis=1).astype(np.float32) * CELL
        window = np.concatenate([corner, corner + WINDOW], axis=1)
        boxes = (window + shifts[owner, :, row, column] * WINDOW - margin) * actual[owner]
        return _Proposals(boxes, probabilities[owner, 1, row, column], np.array(members, np.int64)[owner])

    def _refine(self, images: list[Pyramid], proposals: _Proposals) -> _Proposals:
        if not len(proposals.boxes):
            return proposals
        shifts, probabilities = _run(self._rnet, _patches(images, proposals, 24))
        chosen = np.flatnonzero(probabilities[:, 1] > self.settings.refinement)
        boxes = _shifted(proposals.boxes[chosen], shifts[chosen])
        refined = _Proposals(boxes, probabilities[chosen, 1], proposals.owner[chosen])
        refined = refined.take(nms(refined.boxes, refined.scores, 0.7, refined.owner))
        return _Proposals(_square(refined.boxes), refined.scores, refined.owner)

    def _finish(self, images: list[Pyramid], proposals: _Proposals) -> _Proposals:
        if not len(proposals.boxes):
            return proposals
        shifts, _, probabilities = _run(self._onet, _patches(images, proposals, 48))
        chosen = np.flatnonzero(probabilities[:, 1] > self.settings.output)
        boxes = _shifted(proposals.boxes[chosen], shifts[chosen])
        final = _Proposals(boxes, probabilities[chosen, 1], proposals.owner[chosen])
        kept = [
            own[suppress_nested(final.boxes[own], final.scores[own], 0.7)]
            for own in (np.flatnonzero(final.owner == index) for index in range(len(images)))
        ]
        return final.take(np.concatenate(kept).astype(np.int64))


def _joined(parts: list[_Proposals]) -> _Proposals:
    return _Proposals(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.owner for part in parts]),
    )


STEP = 64
"""Canvases are multiples of this many pixels: the engine prepares itself for each new shape, which takes longer than
to look at the paper that fills a canvas."""
TOGETHER = 8
"""Most pictures that go through P-Net together."""


def _canvas(image: Image) -> tuple[int, int]:
    """Width and height of the canvas that a picture is laid on; pictures of about one size share it."""
    return -(-image.shape[1] // STEP) * STEP, -(-image.shape[0] // STEP) * STEP


def _batches(members: list[int]) -> Iterator[list[int]]:
    """Cut a list into parts of 8, 4, 2 and 1, so that few shapes occur."""
    size = TOGETHER
    while members:
        while size > len(members):
            size //= 2
        yield members[:size]
        members = members[size:]


def pyramid(width: int, height: int, settings: MtcnnSettings) -> list[float]:
    """The scales of the levels, finest first."""
    scale = WINDOW / settings.smallest
    coarsest = WINDOW / (settings.largest * min(width, height))
    scales = [scale]
    while scales[-1] * settings.factor >= coarsest:
        scales.append(scales[-1] * settings.factor)
    return scales


def _shrink(image: Image, settings: MtcnnSettings) -> Image:
    height, width = image.shape[:2]
    scale = min(settings.tallest / height, settings.longest / max(height, width))
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _halved(image: Image) -> Pyramid:
    """The picture, and each half of the one before, down to about 16 pixels: a level or patch is sampled from the
    nearest larger one, which costs far less than averaging the whole picture for each."""
    images = [image]
    while min(images[-1].shape[:2]) >= 32:
        height, width = images[-1].shape[:2]
        half = cv2.resize(images[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        images.append(np.asarray(half, np.uint8))
    return images


MOST_PATCHES = 256
"""Patches that go through a network together; more gain nothing and take memory."""


def _run(session: Session, patches: Image) -> list[Floats]:
    parts = [_run_part(session, patches[i : i + MOST_PATCHES]) for i in range(0, len(patches), MOST_PATCHES)]
    return [np.concatenate(output) for output in zip(*parts, strict=True)]


def _run_part(session: Session, patches: Image) -> list[Floats]:
    """Run patches, filled up to a power of two, so that few shapes occur."""
    wanted = 1 << (len(patches) - 1).bit_length()
    filled = np.concatenate([patches, np.zeros((wanted - len(patches), *patches.shape[1:]), np.uint8)])
    return [output[: len(patches)] for output in session.run(filled)]


def _patches(images: list[Pyramid], proposals: _Proposals, side: int) -> Image:
    """Cut out every box, grey where it leaves the picture: (N, side, side, 3) uint8 RGB."""
    patches = np.empty((len(proposals.boxes), side, side, 3), np.uint8)
    for patch, box, owner in zip(patches, proposals.boxes, proposals.owner, strict=True):
        patch[:] = _patch(images[owner], box, side)
    return patches


def _patch(images: Pyramid, box: Floats, side: int) -> Image:
    width, height = images[0].shape[1], images[0].shape[0]
    halvings = min(len(images) - 1, max(0, int(math.log2(max(1.0, float(box[2] - box[0]) / side)))))
    image = images[halvings]
    grow = floats([image.shape[1] / width, image.shape[0] / height] * 2)
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (round(value) for value in (box * grow).tolist())
    x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    cut = image[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)]
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        whole = np.full((y2 - y1, x2 - x1, 3), PAPER, np.uint8)
        whole[max(0, -y1) : max(0, -y1) + cut.shape[0], max(0, -x1) : max(0, -x1) + cut.shape[1]] = cut
        cut = whole
    return np.asarray(cv2.resize(cut, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def _shifted(boxes: Floats, shifts: Floats) -> Floats:
    """Move the sides of a box by shares of its size."""
    sizes = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return np.asarray(boxes + shifts * sizes, np.float32)


def _points(boxes: Floats, points: Floats) -> Floats:
    """Landmarks from shares of the box, five x, then five y."""
    share = points.reshape(-1, 2, 5).transpose(0, 2, 1)
    return np.asarray(boxes[:, None, :2] + share * (boxes[:, None, 2:] - boxes[:, None, :2]), np.float32)


def _square(boxes: Floats) -> Floats:
    """The squares around the boxes' centres with their longer sides."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
