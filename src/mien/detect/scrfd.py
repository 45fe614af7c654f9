"""SCRFD: anchor-free boxes and landmarks on three strides (Guo et al., arXiv 2105.04714).

Decodes the nine outputs of the InsightFace export: scores, then box distances, then landmark offsets, each for
strides 8, 16 and 32 with two anchors a cell. Centres lie at (column * stride, row * stride).
"""

from collections.abc import Sequence

import numpy as np

from mien.detect.schedule import PASSES, Candidates, Pass, join, look, settle
from mien.models.session import EngineOptions
from mien.models.store import Model
from mien.types import Faces, Floats, Image

STRIDES = (8, 16, 32)
ANCHORS = 2


class Scrfd:
    """A SCRFD detector with landmarks."""

    longest = max(step.longest for step in PASSES)

    def __init__(
        self,
        model: Model,
        options: EngineOptions,
        *,
        threshold: float = 0.5,
        overlap: float = 0.4,
        passes: Sequence[Pass] = PASSES,
    ) -> None:
        self.name = model.card.name
        self._session = model.session(options=options)
        self._threshold, self._overlap, self._passes = threshold, overlap, tuple(passes)

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        # One canvas at a time: batching SCRFD was measured to gain nothing on a CPU (docs/log.md).
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        found = []
        for view in look(image, self._passes):
            outputs = self._session.run(view.canvas[None])
            found.append(decode(outputs, view.canvas.shape[1], self._threshold).back(view))
        return settle(join(found), self._overlap)


def decode(outputs: Sequence[Floats], width: int, threshold: float) -> Candidates:
    """Turn the network's outputs for one canvas into boxes.

    Args:
        outputs: nine arrays; per stride (cells * 2, 1) scores, (cells * 2, 4) distances left, top, right,
            bottom in strides, (cells * 2, 10) landmark offsets x, y in strides.
        width: of the canvas in pixels.
        threshold: least score.
    """
    parts = []
    for level, stride in enumerate(STRIDES):
        scores = outputs[level].reshape(-1)
        chosen = np.flatnonzero(scores >= threshold)
        columns = width // stride
        cells = chosen // ANCHORS
        centres = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32) * stride
        sides = outputs[level + 3].reshape(-1, 4)[chosen] * stride
        points = outputs[level + 6].reshape(-1, 5, 2)[chosen] * stride
        boxes = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)
        parts.append(Candidates(boxes, scores[chosen], centres[:, None] + points))
    return join(parts)
