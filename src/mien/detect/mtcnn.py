"""MTCNN: three cascaded networks over an image pyramid (Zhang et al., IEEE SPL 23(10), 2016).

P-Net proposes 12-pixel windows on every level, R-Net and O-Net refine them at 24 and 48 pixels, and O-Net adds the
landmarks. All images of one size go through each network together. Every level has a margin of half a window, and the
pyramid goes on until a window covers more than the whole picture, so that faces that fill the frame are proposed like
others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.detect.schedule import to_faces
from mien.geometry import nms, suppress_nested
from mien.models.session import EngineOptions, Session
from mien.models.store import Model
from mien.types import Faces, Floats, Image, floats

WINDOW = 12
"""Side of P-Net's window in pixels."""
CELL = 2
"""P-Net's stride in pixels."""
PAPER = 127
"""Grey around a picture: the value that is nearest to 0 after normalization."""


@dataclass(frozen=True, slots=True)
class Settings:
    """MTCNN's parameters.

    Attributes:
        smallest: the smallest face that is looked for, in pixels of the working picture.
        longest: a larger picture is shrunk to this longer side first.
        factor: from one level of the pyramid to the next (the paper's 0.709, so that areas halve).
        proposal: least face probability of P-Net.
        refinement: of R-Net.
        output: of O-Net.
        largest: a window may be this much larger than the picture's shorter side.
    """

    smallest: float = 24
    longest: int = 640
    factor: float = 0.709
    proposal: float = 0.6
    refinement: float = 0.7
    output: float = 0.8
    largest: float = 1.6


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

    def __init__(self, model: Model, options: EngineOptions, settings: Settings | None = None) -> None:
        self.name = model.card.name
        self.settings = settings or Settings()
        self.longest = self.settings.longest
        self._pnet, self._rnet, self._onet = (model.session(part, options) for part in ("pnet", "rnet", "onet"))

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        working = [_shrink(image, self.settings.longest) for image in images]
        by_size: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(working):
            by_size.setdefault(image.shape, []).append(index)
        faces: list[Faces] = [()] * len(images)
        for members in by_size.values():
            scales = [images[i].shape[1] / working[i].shape[1] for i in members]
            for i, found in zip(members, self._detect_group([working[i] for i in members], scales), strict=True):
                faces[i] = found
        return faces

    def landmarks(self, image: Image, boxes: Floats) -> Floats:
        """Five landmarks for boxes that another detector found, by O-Net alone: (N, 5, 2) float32."""
        proposals = _Proposals(_square(boxes), np.ones(len(boxes), np.float32), np.zeros(len(boxes), np.int64))
        if not len(boxes):
            return np.empty((0, 5, 2), np.float32)
        return _points(proposals.boxes, self._onet.run(_patches([image], proposals, 48))[1])

    def _detect_group(self, images: list[Image], scales: list[float]) -> list[Faces]:
        proposals = self._refine(images, self._propose(images))
        kept, landmarks = self._finish(images, proposals)
        faces = []
        for index, scale in enumerate(scales):
            own = np.flatnonzero(kept.owner == index)
            own = own[np.argsort(-kept.scores[own], kind="stable")]
            grow = np.float32(scale)
            faces.append(to_faces(kept.boxes[own] * grow, kept.scores[own], landmarks[own] * grow))
        return faces

    def _propose(self, images: list[Image]) -> _Proposals:
        height, width = images[0].shape[:2]
        found = []
        for scale in pyramid(width, height, self.settings):
            proposals = self._propose_level(images, scale)
            kept = nms(proposals.boxes, proposals.scores, 0.5, proposals.owner)
            found.append(proposals.take(kept))
        everything = _Proposals(
            np.concatenate([part.boxes for part in found]),
            np.concatenate([part.scores for part in found]),
            np.concatenate([part.owner for part in found]),
        )
        everything = everything.take(nms(everything.boxes, everything.scores, 0.7, everything.owner))
        return _Proposals(_square(everything.boxes), everything.scores, everything.owner)

    def _propose_level(self, images: list[Image], scale: float) -> _Proposals:
        height, width = images[0].shape[:2]
        size = max(1, round(width * scale)), max(1, round(height * scale))
        margin = WINDOW // 2
        level = np.full((len(images), size[1] + 2 * margin, size[0] + 2 * margin, 3), PAPER, np.uint8)
        for canvas, image in zip(level, images, strict=True):
            canvas[margin:-margin, margin:-margin] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        shifts, probabilities = self._pnet.run(level)
        owner, row, column = np.nonzero(probabilities[:, 1] > self.settings.proposal)
        corner = np.stack([column, row], axis=1).astype(np.float32) * CELL
        window = np.concatenate([corner, corner + WINDOW], axis=1)
        boxes = window + shifts[owner, :, row, column] * WINDOW - margin
        actual = floats([width / size[0], height / size[1]] * 2)
        return _Proposals(boxes * actual, probabilities[owner, 1, row, column], owner.astype(np.int64))

    def _refine(self, images: list[Image], proposals: _Proposals) -> _Proposals:
        if not len(proposals.boxes):
            return proposals
        shifts, probabilities = _run(self._rnet, _patches(images, proposals, 24))
        chosen = np.flatnonzero(probabilities[:, 1] > self.settings.refinement)
        boxes = _shifted(proposals.boxes[chosen], shifts[chosen])
        refined = _Proposals(boxes, probabilities[chosen, 1], proposals.owner[chosen])
        refined = refined.take(nms(refined.boxes, refined.scores, 0.7, refined.owner))
        return _Proposals(_square(refined.boxes), refined.scores, refined.owner)

    def _finish(self, images: list[Image], proposals: _Proposals) -> tuple[_Proposals, Floats]:
        if not len(proposals.boxes):
            return proposals, np.empty((0, 5, 2), np.float32)
        shifts, points, probabilities = _run(self._onet, _patches(images, proposals, 48))
        chosen = np.flatnonzero(probabilities[:, 1] > self.settings.output)
        landmarks = _points(proposals.boxes[chosen], points[chosen])
        boxes = _shifted(proposals.boxes[chosen], shifts[chosen])
        final = _Proposals(boxes, probabilities[chosen, 1], proposals.owner[chosen])
        kept = [
            own[suppress_nested(final.boxes[own], final.scores[own], 0.7)]
            for own in (np.flatnonzero(final.owner == index) for index in range(len(images)))
        ]
        index = np.concatenate(kept).astype(np.int64)
        return final.take(index), landmarks[index]


def pyramid(width: int, height: int, settings: Settings) -> list[float]:
    """The scales of the levels, finest first."""
    scale = WINDOW / settings.smallest
    coarsest = WINDOW / (settings.largest * min(width, height))
    scales = [scale]
    while scales[-1] * settings.factor >= coarsest:
        scales.append(scales[-1] * settings.factor)
    return scales


def _shrink(image: Image, longest: int) -> Image:
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


MOST_PATCHES = 256
"""Patches that go through a network together; more gain nothing and take memory."""


def _run(session: Session, patches: Image) -> list[Floats]:
    parts = [session.run(patches[i : i + MOST_PATCHES]) for i in range(0, len(patches), MOST_PATCHES)]
    return [np.concatenate(output) for output in zip(*parts, strict=True)]


def _patches(images: list[Image], proposals: _Proposals, side: int) -> Image:
    """Cut out every box, grey where it leaves the picture: (N, side, side, 3) uint8 RGB."""
    patches = np.empty((len(proposals.boxes), side, side, 3), np.uint8)
    for patch, box, owner in zip(patches, proposals.boxes, proposals.owner, strict=True):
        patch[:] = _patch(images[owner], box, side)
    return patches


def _patch(image: Image, box: Floats, side: int) -> Image:
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (round(float(value)) for value in box)
    x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    cut = image[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)]
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        whole = np.full((y2 - y1, x2 - x1, 3), PAPER, np.uint8)
        whole[max(0, -y1) : max(0, -y1) + cut.shape[0], max(0, -x1) : max(0, -x1) + cut.shape[1]] = cut
        cut = whole
    shrinks = x2 - x1 > side
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, (side, side), interpolation=interpolation), np.uint8)


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
