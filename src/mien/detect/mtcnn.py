"""MTCNN: three cascaded networks over an image pyramid (Zhang et al., IEEE SPL 23(10), 2016).

P-Net proposes 12-pixel windows on every level, R-Net and O-Net refine them at 24 and 48 pixels, and O-Net adds the
landmarks. O-Net then looks again at the box that it found, as landmarks are most exact where the box is (measured
in docs/log.md). All images go through each network together, whatever their sizes: P-Net sees the levels of many of
them on one canvas. Every level has a margin of half a window, and the pyramid goes on until a window covers more than
the whole image, so that faces that fill the frame are proposed like others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.detect.detector import Detector, NetworkFamily
from mien.detect.mtcnn_mosaic import MARGIN, Mosaic, draw, lay_out, owners
from mien.detect.mtcnn_patches import (
    Proposals,
    cut_patches,
    place_points,
    run_patches,
    shift_boxes,
    suppress,
    to_squares,
)
from mien.detect.mtcnn_pyramid import CELL, WINDOW, Halvings, Level, MtcnnSettings, halvings, levels_of, working_size
from mien.detect.schedule import to_faces
from mien.geometry import suppress_nested
from mien.models.options import AUTO, EngineOptions
from mien.models.store import Model
from mien.types import Faces, Floats, Image, floats

EARLY = (("proposal", 0.45), ("refinement", 0.3))
"""How low the limits of the first two stages may go for a low minimum score: below, there are too many proposals."""
STEADY = "f32"
"""The precision where none is asked for. The cascade keeps and drops boxes at limits, so what bf16 rounds away moved
landmarks by up to 5 pixels between machines, and embeddings with them (docs/log.md)."""
LEVEL_OVERLAP, OVERLAP = 0.5, 0.7
"""IoU above which the worse of two boxes is dropped: on one level of the pyramid, and after every stage (the authors'
own code)."""


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
        options = replace(options, precision=STEADY) if options.precision == AUTO else options
        self._pnet, self._rnet, self._onet = (model.session(part, options) for part in ("pnet", "rnet", "onet"))

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        if not images:
            return []
        working = [halvings(working_size(image, self.settings)) for image in images]
        kept = self._finish(working, self._refine(working, self._propose(working)))
        landmarks = self._landmarks(working, kept)
        faces: list[Faces] = []
        for index, image in enumerate(images):
            own = np.flatnonzero(kept.owner == index)
            own = own[np.argsort(-kept.scores[own], kind="stable")]
            grow = np.float32(image.shape[1] / working[index][0].shape[1])
            faces.append(to_faces(kept.boxes[own] * grow, kept.scores[own], landmarks[own] * grow))
        return faces

    def landmarks(self, image: Image, boxes: Floats) -> Floats:
        """Five landmarks for boxes that another detector found, by O-Net alone: (N, 5, 2) float32."""
        proposals = Proposals(boxes, np.ones(len(boxes), np.float32), np.zeros(len(boxes), np.int64))
        return self._landmarks([halvings(image)], proposals)

    def _landmarks(self, images: list[Halvings], found: Proposals) -> Floats:
        if not len(found.boxes):
            return np.empty((0, 5, 2), np.float32)
        squares = Proposals(to_squares(found.boxes), found.scores, found.owner)
        return place_points(squares.boxes, run_patches(self._onet, cut_patches(images, squares, 48))[1])

    def _propose(self, images: list[Halvings]) -> Proposals:
        levels = [level for owner, image in enumerate(images) for level in levels_of(owner, image, self.settings)]
        found = [self._propose_on(mosaic, levels, images) for mosaic in lay_out(levels)]
        boxes, scores, numbers = (np.concatenate(parts) for parts in zip(*found, strict=True))
        # Of equal scores the first wins, wherever a canvas has its level.
        order = np.argsort(numbers, kind="stable")
        boxes, scores, numbers = boxes[order], scores[order], numbers[order]
        image_of = np.array([level.owner for level in levels], np.int64)
        best = suppress(Proposals(boxes, scores, image_of[numbers]), LEVEL_OVERLAP, numbers)
        everything = suppress(best, OVERLAP)
        return replace(everything, boxes=to_squares(everything.boxes))

    def _propose_on(
        self, mosaic: Mosaic, levels: list[Level], images: list[Halvings]
    ) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Boxes in pixels of their images, scores, and the number of the level of each."""
        shifts, probabilities = (output[0] for output in self._pnet.run(draw(mosaic, levels, images)[None]))
        number_of = owners(mosaic, levels)
        row, column = np.nonzero((probabilities[1] > self.settings.proposal) & (number_of >= 0))
        number = number_of[row, column]
        corner, actual = np.zeros((len(levels), 2), np.float32), np.ones((len(levels), 2), np.float32)
        for place in mosaic.places:
            level = levels[place.level]
            height, width = images[level.owner][0].shape[:2]
            corner[place.level] = place.left + MARGIN, place.top + MARGIN
            actual[place.level] = width / level.width, height / level.height
        start = floats(np.stack([column, row], axis=1) * CELL) - corner[number]
        window = np.concatenate([start, start + WINDOW], axis=1)
        boxes = (window + shifts[:, row, column].T * WINDOW) * np.tile(actual[number], 2)
        return floats(boxes), probabilities[1, row, column], number

    def _refine(self, images: list[Halvings], proposals: Proposals) -> Proposals:
        if not len(proposals.boxes):
            return proposals
        shifts, probabilities = run_patches(self._rnet, cut_patches(images, proposals, 24))
        refined = suppress(_accepted(proposals, shifts, probabilities, self.settings.refinement), OVERLAP)
        return replace(refined, boxes=to_squares(refined.boxes))

    def _finish(self, images: list[Halvings], proposals: Proposals) -> Proposals:
        if not len(proposals.boxes):
            return proposals
        shifts, _, probabilities = run_patches(self._onet, cut_patches(images, proposals, 48))
        final = _accepted(proposals, shifts, probabilities, self.settings.output)
        kept = [
            own[suppress_nested(final.boxes[own], final.scores[own], OVERLAP)]
            for own in (np.flatnonzero(final.owner == index) for index in range(len(images)))
        ]
        return final.take(np.concatenate(kept).astype(np.int64))


def _accepted(proposals: Proposals, shifts: Floats, probabilities: Floats, limit: float) -> Proposals:
    """The boxes that a network takes for faces, moved as it says."""
    chosen = np.flatnonzero(probabilities[:, 1] > limit)
    boxes = shift_boxes(proposals.boxes[chosen], shifts[chosen])
    return Proposals(boxes, probabilities[chosen, 1], proposals.owner[chosen])


@dataclass(frozen=True, slots=True, kw_only=True)
class MtcnnFamily(NetworkFamily):
    """The cascade of three networks."""

    def open(self, model: Model, options: EngineOptions, min_score: float | None = None) -> Detector:
        """Open the three networks."""
        return Mtcnn(model, options, min_score=min_score)


MTCNN = MtcnnFamily(name="mtcnn", about="MTCNN, from the package mtcnn", min_score=Mtcnn.min_score)
