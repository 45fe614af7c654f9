"""What tests of portraits share: chips with known pixels, two real faces, and small data sets."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from mien.pipeline import array_item
from mien.portrait.examine import Examined, Examiner, open_examiner
from mien.portrait.measures.face_chip import CHIP, CHIP_POSE, FaceChip, PortraitImage, make_face_chip
from mien.types import Box, Face, Image


@pytest.fixture(scope="session")
def examiner() -> Examiner:
    return open_examiner()


@pytest.fixture(scope="session")
def hopper_examined(examiner: Examiner, hopper: Image) -> Examined:
    return examiner.item(array_item("image", hopper))


@pytest.fixture(scope="session")
def collins_examined(examiner: Examiner, collins: Image) -> Examined:
    return examiner.item(array_item("image", collins))


@pytest.fixture(scope="session")
def seen() -> Callable[..., FaceChip]:
    """Views of pictures that are chips already, so that zones lie where the tests put them."""

    def make(chip: Image, **known: object) -> FaceChip:
        face = Face(Box(50, 30, 174, 210), 0.99, CHIP_POSE.points)
        return make_face_chip(PortraitImage(chip, CHIP, CHIP, (face,), 0, **known))  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def grain() -> Image:
    """A chip of skin-coloured grain without any structure."""
    draw = np.random.default_rng(0)
    return np.clip(draw.normal((190, 150, 130), 4, (CHIP, CHIP, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def write() -> Callable[[Path, Image], Path]:
    """Writes a picture as JPEG or PNG, by its ending."""

    def save(path: Path, image: Image, quality: int = 92) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB"))
        return path

    return save
