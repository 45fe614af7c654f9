"""A video that several tests read."""

from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames of 96x64 whose red grows by 4."""
    path = tmp_path_factory.mktemp("video") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (96, 64))
    for number in range(60):
        writer.write(np.full((64, 96, 3), (0, 0, 4 * number), np.uint8))
    writer.release()
    return path
