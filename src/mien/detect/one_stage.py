"""What detectors that look at a picture once have in common: the passes, the network, one suppression."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from mien.detect.schedule import PASSES, Candidates, Pass, join, make_fixed_views, make_views, settle
from mien.models.options import EngineOptions
from mien.models.store import Model
from mien.types import Faces, Floats, Image

OVERLAP = 0.4
"""IoU above which the worse of two boxes goes, as in InsightFace's and libfacedetection's own code."""


class OneStage(ABC):
    """A detector whose outputs for a canvas are decoded by `decode`.

    Attributes:
        name: of the model.
        longest: a larger picture is shrunk to this longer side.
        min_score: of a face, where no other is asked for.
        passes: its looks at a picture, where its network takes any size; else the canvas has the network's.
    """

    min_score: float
    passes: ClassVar[Sequence[Pass]] = PASSES
    overlap: ClassVar[float] = OVERLAP

    def __init__(
        self,
        model: Model,
        options: EngineOptions,
        *,
        min_score: float | None = None,
        passes: Sequence[Pass] | None = None,
    ) -> None:
        self.name = model.card.name
        self._min_score = self.min_score if min_score is None else min_score
        self._session = model.session(options=options)
        self._passes = tuple(passes or self.passes)
        spec = model.card.input
        self._size = (spec.width, spec.height) if spec.width and spec.height else None
        self.longest = max(self._size or [step.longest for step in self._passes])

    @staticmethod
    @abstractmethod
    def decode(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
        """Turn the network's outputs for a canvas into boxes."""

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        # One canvas at a time: batching was measured to gain nothing on a CPU (docs/log.md).
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        found = []
        views = (
            make_views(image, self._passes)
            if self._size is None
            else make_fixed_views(image, *self._size, self._passes)
        )
        for view in views:
            outputs = self._session.run(view.canvas[None])
            height, width = view.canvas.shape[:2]
            found.append(self.decode(outputs, width, height, self._min_score).back(view))
        return settle(join(found), self.overlap)
