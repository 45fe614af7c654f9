"""What detectors that look at a picture once have in common: the passes, the network, one suppression."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from mien.detect.schedule import PASSES, Candidates, Pass, join, look, settle
from mien.models.session import EngineOptions
from mien.models.store import Model
from mien.types import Faces, Floats, Image

OVERLAP = 0.4
"""IoU above which the worse of two boxes goes, as in InsightFace's and libfacedetection's own code."""


class OneStage(ABC):
    """A detector whose outputs for a canvas are decoded by `decode`.

    Attributes:
        name: of the model.
        longest: a larger picture is shrunk to this longer side.
    """

    least_score: ClassVar[float]
    passes: ClassVar[Sequence[Pass]] = PASSES

    def __init__(self, model: Model, options: EngineOptions, *, passes: Sequence[Pass] | None = None) -> None:
        self.name = model.card.name
        self._session = model.session(options=options)
        self._passes = tuple(passes or self.passes)
        self.longest = max(step.longest for step in self._passes)

    @staticmethod
    @abstractmethod
    def decode(outputs: Sequence[Floats], width: int, threshold: float) -> Candidates:
        """Turn the network's outputs for a canvas of a width into boxes."""

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        # One canvas at a time: batching was measured to gain nothing on a CPU (docs/log.md).
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        found = []
        for view in look(image, self._passes):
            outputs = self._session.run(view.canvas[None])
            found.append(self.decode(outputs, view.canvas.shape[1], self.least_score).back(view))
        return settle(join(found), OVERLAP)
