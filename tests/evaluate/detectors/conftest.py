"""A set of two images with three faces, one of which is found, and one false box: every figure is known by hand."""

from pathlib import Path

import numpy as np
import pytest

from mien.data.annotated import AnnotatedImage
from mien.evaluate.detectors.matching import Matched, match
from mien.evaluate.detectors.run import DetectedSet
from mien.types import Box, Face, floats

POINTS = floats([(30, 30), (70, 30), (50, 50), (35, 75), (65, 75)])


@pytest.fixture
def detected() -> DetectedSet:
    """Faces 100 and 20 pixels high in the first image, 40 in the second; the landmarks of the first are known."""
    unknown = np.full((5, 2), np.nan, np.float32)
    first = AnnotatedImage(
        Path("first.jpg"),
        floats([[0, 0, 100, 100], [200, 0, 220, 20]]),
        np.stack([POINTS, unknown]),
        np.zeros(2, np.bool_),
        ({"sex": "female", "split": "a"}, {"sex": "male", "split": "b"}),
    )
    second = AnnotatedImage(
        Path("second.jpg"),
        floats([[0, 0, 40, 40]]),
        unknown[None],
        np.zeros(1, np.bool_),
        ({"sex": "female", "split": "a"},),
    )
    found = (
        Face(Box(2, 0, 102, 100), 0.9, POINTS + floats([3, 4])),
        Face(Box(400, 400, 450, 450), 0.6, POINTS),
        Face(Box(200, 0, 220, 20), 0.3, POINTS),
    )
    return DetectedSet(
        detector="a-detector",
        source="two-images",
        scales=None,  # type: ignore[arg-type]
        own_threshold=0.5,
        images=(first, second),
        faces=(found, ()),
    )


@pytest.fixture
def matched(detected: DetectedSet) -> Matched:
    return match(detected.images, detected.faces)


@pytest.fixture
def found(matched: Matched) -> np.ndarray:
    """Which faces are found at the detector's own threshold."""
    return matched.found >= 0.5
