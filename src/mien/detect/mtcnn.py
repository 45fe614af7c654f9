"""MTCNN: three cascaded networks over an image pyramid (Zhang et al., IEEE SPL 23(10), 2016).

P-Net proposes 12-pixel windows on every level, R-Net and O-Net refine them at 24 and 48 pixels, and O-Net adds the
landmarks. O-Net then looks again at the box that it found, as landmarks are most exact where the box is (measured
in docs/log.md). Images of about one size go through each network together. Every level has a margin of half a window,
and the pyramid goes on until a window covers more than the whole image, so that faces that fill the frame are
proposed like others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.detect.detector import Detector, NetworkFamily
from mien.detect.mtcnn_patches import (
    Proposals,
    cut_patches,
    join_proposals,
    place_points,
    run_patches,
    shift_boxes,
    to_squares,
)
from mien.detect.mtcnn_pyramid import (
    PADDING,
    WINDOW,
    Halvings,
    MtcnnSettings,
    batches,
    canvas_size,
    halvings,
    pyramid,
    working_size,
)
from mien.detect.schedule import to_faces
from mien.geometry import nms, suppress_nested
from mien.models.options import AUTO, EngineOptions
from mien.models.store import Model
from mien.types import Faces, Floats, Image

CELL = 2
"""P-Net's stride in pixels."""
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
        working = [working_size(image, self.settings) for image in images]
        by_canvas: dict[tuple[int, int], list[int]] = {}
        for index, image in enumerate(working):
            by_canvas.setdefault(canvas_size(image), []).append(index)
        faces: list[Faces] = [()] * len(images)
        for canvas, members in by_canvas.items():
            scales = [images[i].shape[1] / working[i].shape[1] for i in members]
            found = self._detect_group([working[i] for i in members], canvas, scales)
            for i, own in zip(members, found, strict=True):
                faces[i] = own
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

    def _detect_group(self, originals: list[Image], canvas: tuple[int, int], scales: list[float]) -> list[Faces]:
        images = [halvings(image) for image in originals]
        kept = self._finish(images, self._refine(images, self._propose(images, canvas)))
        landmarks = self._landmarks(images, kept)
        faces = []
        for index, scale in enumerate(scales):
            own = np.flatnonzero(kept.owner == index)
            own = own[np.argsort(-kept.scores[own], kind="stable")]
            grow = np.float32(scale)
            faces.append(to_faces(kept.boxes[own] * grow, kept.scores[own], landmarks[own] * grow))
        return faces

    def _propose(self, images: list[Halvings], canvas: tuple[int, int]) -> Proposals:
        levels = [pyramid(own[0].shape[1], own[0].shape[0], self.settings) for own in images]
        found, scales = [], max(levels, key=len)
        for number, scale in enumerate(scales):
            # Larger images have coarser levels that smaller ones do without.
            members = [index for index, own in enumerate(levels) if number < len(own)]
            parts = [self._propose_level(images, batch, canvas, scale) for batch in batches(members)]
            found.append(_suppressed(join_proposals(parts), LEVEL_OVERLAP))
        everything = _suppressed(join_proposals(found), OVERLAP)
        return replace(everything, boxes=to_squares(everything.boxes))

    def _propose_level(
        self, images: list[Halvings], members: list[int], canvas: tuple[int, int], scale: float
    ) -> Proposals:
        margin = WINDOW // 2
        room = (round(canvas[0] * scale) + 2 * margin, round(canvas[1] * scale) + 2 * margin)
        level = np.full((len(members), room[1], room[0], 3), PADDING, np.uint8)
        actual = np.empty((len(members), 4), np.float32)
        for place, member in enumerate(members):
            height, width = images[member][0].shape[:2]
            times = min(len(images[member]) - 1, max(0, int(math.log2(1 / scale))))
            size = max(1, round(width * scale)), max(1, round(height * scale))
            small = cv2.resize(images[member][times], size, interpolation=cv2.INTER_LINEAR)
            level[place, margin : margin + size[1], margin : margin + size[0]] = small
            actual[place] = [width / size[0], height / size[1]] * 2
        shifts, probabilities = self._pnet.run(level)
        owner, row, column = np.nonzero(probabilities[:, 1] > self.settings.proposal)
        corner = np.stack([column, row], axis=1).astype(np.float32) * CELL
        window = np.concatenate([corner, corner + WINDOW], axis=1)
        boxes = (window + shifts[owner, :, row, column] * WINDOW - margin) * actual[owner]
        return Proposals(boxes, probabilities[owner, 1, row, column], np.array(members, np.int64)[owner])

    def _refine(self, images: list[Halvings], proposals: Proposals) -> Proposals:
        if not len(proposals.boxes):
            return proposals
        shifts, probabilities = run_patches(self._rnet, cut_patches(images, proposals, 24))
        refined = _suppressed(_accepted(proposals, shifts, probabilities, self.settings.refinement), OVERLAP)
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


def _suppressed(proposals: Proposals, overlap: float) -> Proposals:
    """The best boxes of each image."""
    return proposals.take(nms(proposals.boxes, proposals.scores, overlap, proposals.owner))


@dataclass(frozen=True, slots=True, kw_only=True)
class MtcnnFamily(NetworkFamily):
    """The cascade of three networks."""

    def open(self, model: Model, options: EngineOptions, min_score: float | None = None) -> Detector:
        """Open the three networks."""
        return Mtcnn(model, options, min_score=min_score)


MTCNN = MtcnnFamily(name="mtcnn", about="MTCNN, from the package mtcnn", min_score=Mtcnn.min_score)
