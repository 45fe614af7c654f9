"""Detectors that run one network over the whole image: the passes, the network, one suppression.

Owns what their families have in common. How a network's outputs become boxes is each family's `decode`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mien.detect.detector import Detector, NetworkFamily, OutputShapes
from mien.detect.schedule import (
    PASSES,
    Candidates,
    Pass,
    ScaledView,
    look_at,
    make_fixed_views,
    make_views,
    settle_views,
)
from mien.models.options import EngineOptions
from mien.models.store import Model
from mien.types import Faces, Floats, Image

OVERLAP = 0.4
"""IoU above which the worse of two boxes is dropped, as in InsightFace's and libfacedetection's own code."""

Decode = Callable[[Sequence[Floats], int, int, float], Candidates]
"""Turns a network's outputs for a canvas into boxes: outputs, the canvas's width and height, the minimum score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneStageFamily(NetworkFamily):
    """A kind of detector with one network.

    Attributes:
        decode: turns the network's outputs for a canvas into boxes.
        outputs: whether a network with outputs of these shapes is of this family.
        passes: how often and how large it sees an image, where its network takes any size.
        overlap: IoU above which the worse of two boxes is dropped.
    """

    decode: Decode
    outputs: Callable[[OutputShapes], bool]
    passes: Sequence[Pass] = PASSES
    overlap: float = OVERLAP

    def recognizes(self, outputs: OutputShapes) -> bool:
        """Whether a network with these outputs is of this family."""
        return self.outputs(outputs)

    def open(self, model: Model, options: EngineOptions, min_score: float | None = None) -> Detector:
        """Open a model of this family."""
        return OneStage(model, self, options, min_score=min_score)


class OneStage:
    """A detector with one network.

    Attributes:
        name: of the model.
        longest: a larger image is shrunk to this longer side.
        min_score: of a face, where no other is asked for.
    """

    def __init__(
        self,
        model: Model,
        family: OneStageFamily,
        options: EngineOptions,
        *,
        min_score: float | None = None,
        passes: Sequence[Pass] | None = None,
    ) -> None:
        """
        Args:
            model: of the family.
            family: what its outputs mean.
            options: of the engine.
            min_score: of a face; None takes the family's.
            passes: None takes the family's.
        """
        self.name, self.min_score = model.card.name, family.min_score
        self.passes = tuple(passes or family.passes)
        self._family = family
        self._min_score = family.min_score if min_score is None else min_score
        self._session = model.session(options=options)
        spec = model.card.input
        self._size = (spec.width, spec.height) if spec.width and spec.height else None
        self.longest = max(self._size or [step.longest for step in self.passes])

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        # One canvas at a time: batching was measured to gain nothing on a CPU (docs/log.md).
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        if self._size is None:
            views = make_views(image, self.passes)
        else:
            views = make_fixed_views(image, *self._size, self.passes)
        found = look_at(image, views, self.candidates_in, self._family.min_score)
        return settle_views(found, views, self._family.overlap)

    def candidates_in(self, view: ScaledView) -> Candidates:
        """What the network finds in one view of an image, in coordinates of its canvas."""
        height, width = view.canvas.shape[:2]
        return self._family.decode(self._session.run(view.canvas[None]), width, height, self._min_score)


def has_widths(*widths: int) -> Callable[[OutputShapes], bool]:
    """Recognizes a network by the last side of each of its outputs, in their order."""

    def recognizes(outputs: OutputShapes) -> bool:
        return [shape[-1] if shape else None for shape in outputs] == list(widths)

    return recognizes
