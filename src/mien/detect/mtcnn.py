"""MTCNN: three cascaded networks over an image pyramid (Zhang et al., IEEE SPL 23(10), 2016).

P-Net proposes 12-pixel windows on every level, R-Net and O-Net refine them at 24 and 48 pixels, and O-Net adds the
landmarks. O-Net then looks again at the box that it found, as landmarks are most exact where the box is (measured
in docs/log.md). All images go through each network together, whatever their sizes: P-Net sees the levels of many of
them on one canvas. Every level has a margin of half a window, and the pyramid goes on until a window covers more than
the whole image, so that faces that fill the frame are proposed like others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from mien.detect.detector import Detector, NetworkFamily
from mien.detect.mtcnn_mosaic import MARGIN, Mosaic, draw, lay_out, owners
from mien.detect.mtcnn_patches import (
    Answers,
    Proposals,
    by_owner,
    number_windows,
    place_points,
    shift_boxes,
    suppress,
    to_squares,
)
from mien.detect.mtcnn_pyramid import CELL, WINDOW, Halvings, Level, MtcnnSettings, halvings, levels_of, working_size
from mien.detect.mtcnn_subject import first_levels, further_levels
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
    """The three networks as one detector.

    Attributes:
        name: of the model.
        settings: its limits, and the sizes of faces.
        longest: a larger image is shrunk to this longer side.
        pnet, rnet, onet: the open networks.
    """

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
        self.pnet, self.rnet, self.onet = (model.session(part, options) for part in ("pnet", "rnet", "onet"))

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        working, levels = self._prepare(images)
        return _Cascade(self, images, working).faces(self._propose(chain.from_iterable(levels), working))

    def detect_subjects(self, images: Sequence[Image]) -> list[Faces]:
        """The faces of each image that decide which one it was taken of: the subject, and all its rivals.

        Coarse levels are looked at first, and of an image only those that its own faces ask for; see
        mien.detect.mtcnn_subject. So faces that are too small to be the subject or a rival may be missing.
        """
        working, levels = self._prepare(images)
        first = [first_levels(own, image) for own, image in zip(levels, images, strict=True)]
        cascade = _Cascade(self, images, working)
        windows = self._propose(chain.from_iterable(first), working)
        faces = cascade.faces(windows)
        more = [
            further_levels(own[: len(own) - len(seen)], found, image)
            for own, seen, found, image in zip(levels, first, faces, images, strict=True)
        ]
        again = [owner for owner, own in enumerate(more) if own]
        if again:
            finer = self._propose(chain.from_iterable(more), working)
            looked = cascade.faces(Proposals.joined([windows.of(again), finer]))
            for owner in again:
                faces[owner] = looked[owner]
        return faces

    def landmarks(self, image: Image, boxes: Floats) -> Floats:
        """Five landmarks for boxes that another detector found, by O-Net alone: (N, 5, 2) float32."""
        proposals = Proposals(boxes, np.ones(len(boxes), np.float32), np.arange(len(boxes)))
        return _Cascade(self, [image], [halvings(image)]).landmarks(proposals)

    def _prepare(self, images: Sequence[Image]) -> tuple[list[Halvings], list[list[Level]]]:
        """Each image in its working size, and the levels of its pyramid, finest first."""
        working = [halvings(working_size(image, self.settings)) for image in images]
        return working, [levels_of(owner, image, self.settings) for owner, image in enumerate(working)]

    def _propose(self, levels: Iterable[Level], images: list[Halvings]) -> Proposals:
        """What P-Net takes for faces on some levels, each window for itself."""
        every = list(levels)
        return Proposals.joined([self._propose_on(mosaic, every, images) for mosaic in lay_out(every)])

    def _propose_on(self, mosaic: Mosaic, levels: list[Level], images: list[Halvings]) -> Proposals:
        shifts, probabilities = (output[0] for output in self.pnet.run(draw(mosaic, levels, images)[None]))
        number_of = owners(mosaic, levels)
        row, column = np.nonzero((probabilities[1] > self.settings.proposal) & (number_of >= 0))
        number = number_of[row, column]
        first, actual = np.zeros((len(levels), 2), np.int64), np.ones((len(levels), 2), np.float32)
        for place in mosaic.places:
            level = levels[place.level]
            height, width = images[level.owner][0].shape[:2]
            first[place.level] = place.left // CELL, place.top // CELL
            actual[place.level] = width / level.width, height / level.height
        cell = np.stack([column, row], axis=1) - first[number]
        start = floats(cell * CELL - MARGIN)
        square = np.concatenate([start, start + WINDOW], axis=1)
        boxes = (square + shifts[:, row, column].T * WINDOW) * np.tile(actual[number], 2)
        owner, depth = np.array([(level.owner, level.depth) for level in levels], np.int64)[number].T
        window = number_windows(owner, depth, cell[:, 1], cell[:, 0])
        return Proposals(floats(boxes), probabilities[1, row, column], window)


class _Cascade:
    """What follows P-Net for some images; of a second look at them, only new boxes go through the networks.

    Args:
        mtcnn: its networks and limits.
        images: (H, W, 3) uint8 RGB each.
        working: the same in the size in which faces are looked for.
    """

    def __init__(self, mtcnn: Mtcnn, images: Sequence[Image], working: list[Halvings]) -> None:
        self._settings, self._images, self._working = mtcnn.settings, images, working
        self._refining, self._finishing = Answers(mtcnn.rnet, 24), Answers(mtcnn.onet, 48)
        self._placing = Answers(mtcnn.onet, 48)

    def faces(self, windows: Proposals) -> list[Faces]:
        """The faces of each image, best first, in its pixels."""
        kept = self.finish(self._refine(_proposals(windows)))
        landmarks = self.landmarks(kept)
        faces: list[Faces] = []
        for index, image in enumerate(self._images):
            own = np.flatnonzero(kept.owner == index)
            own = own[np.argsort(-kept.scores[own], kind="stable")]
            grow = np.float32(image.shape[1] / self._working[index][0].shape[1])
            faces.append(to_faces(kept.boxes[own] * grow, kept.scores[own], landmarks[own] * grow))
        return faces

    def _refine(self, proposals: Proposals) -> Proposals:
        """The boxes that R-Net takes for faces, as squares."""
        if not len(proposals.boxes):
            return proposals
        shifts, probabilities = self._refining.about(self._working, proposals)
        refined = suppress(_accepted(proposals, shifts, probabilities, self._settings.refinement), OVERLAP)
        return replace(refined, boxes=to_squares(refined.boxes))

    def finish(self, proposals: Proposals) -> Proposals:
        """The boxes that O-Net takes for faces."""
        if not len(proposals.boxes):
            return proposals
        shifts, _, probabilities = self._finishing.about(self._working, proposals)
        final = _accepted(proposals, shifts, probabilities, self._settings.output)
        kept = [own[suppress_nested(final.boxes[own], final.scores[own], OVERLAP)] for own in by_owner(final)]
        return final.take(np.concatenate([np.empty(0, np.int64), *kept]))

    def landmarks(self, found: Proposals) -> Floats:
        """Five landmarks of each box: (N, 5, 2) in pixels of the working images."""
        if not len(found.boxes):
            return np.empty((0, 5, 2), np.float32)
        squares = replace(found, boxes=to_squares(found.boxes))
        return place_points(squares.boxes, self._placing.about(self._working, squares)[1])


def _proposals(windows: Proposals) -> Proposals:
    """The squares in which a face may be: the best windows of each level, and of those the best of each image."""
    best = suppress(suppress(windows, LEVEL_OVERLAP, windows.depth), OVERLAP)
    return replace(best, boxes=to_squares(best.boxes))


def _accepted(proposals: Proposals, shifts: Floats, probabilities: Floats, limit: float) -> Proposals:
    """The boxes that a network takes for faces, moved as it says."""
    chosen = np.flatnonzero(probabilities[:, 1] > limit)
    boxes = shift_boxes(proposals.boxes[chosen], shifts[chosen])
    return Proposals(boxes, probabilities[chosen, 1], proposals.window[chosen])


@dataclass(frozen=True, slots=True, kw_only=True)
class MtcnnFamily(NetworkFamily):
    """The cascade of three networks."""

    def open(self, model: Model, options: EngineOptions, min_score: float | None = None) -> Detector:
        """Open the three networks."""
        return Mtcnn(model, options, min_score=min_score)


MTCNN = MtcnnFamily(name="mtcnn", about="MTCNN, from the package mtcnn", min_score=Mtcnn.min_score)
