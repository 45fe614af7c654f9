"""What the tests of scope share."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.portrait.measures.pose import DEFAULT_POPULATION, mean_face, rotation
from mien.types import Box, Face, floats


@pytest.fixture(scope="session")
def turned() -> Callable[..., Face]:
    """Makes a face whose landmarks are those of the mean face turned by some degrees."""

    def make(yaw: float, pitch: float = 0.0) -> Face:
        points = mean_face(DEFAULT_POPULATION) @ rotation(np.radians(yaw), np.radians(pitch), 0.0).T
        return Face(Box(50, 50, 250, 250), 1.0, floats(points[:, :2] * 2 + [150, 120]))

    return make
