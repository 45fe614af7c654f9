"""Covered faces are covered whole, with hair, ears and chin, and cannot be recognized; the rest is untouched."""

import numpy as np
import pytest

from mien.detect.families import open_detector
from mien.detect.redaction import cut, redact
from mien.models import store
from mien.recognize.recognizer import Recognizer
from mien.types import Box, Face, Image


def face(x: float, y: float, size: float = 40) -> Face:
    return Face(Box(x, y, x + size, y + size), 0.9, np.zeros((5, 2), np.float32))


def noise(width: int, height: int) -> Image:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_what_is_covered_cannot_be_told_apart_and_the_rest_is_untouched() -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (120, 160, 3)).astype(np.uint8)
    covered = redact(image, (face(60, 40),))
    inside, outside = np.zeros((120, 160), bool), np.ones((120, 160), bool)
    inside[45:75, 65:95] = True
    outside[30:95, 50:110] = False
    assert (covered[outside] == image[outside]).all()
    assert covered[inside].std() < 0.35 * image[inside].std()
    assert (image == np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)).all()


@pytest.mark.parametrize("x", [-60.0, 150.0, 400.0])
def test_faces_at_and_beyond_the_edge_harm_nothing(x: float) -> None:
    image = np.zeros((100, 160, 3), np.uint8)
    assert redact(image, (face(x, 50),)).shape == image.shape
    part = cut(image, face(x, 50).box)
    assert part.shape[0] <= 100 and part.shape[1] <= 160


# Read off the portrait by eye: x, y in its pixels.
HEAD = {
    "hair above the forehead": (224, 52),
    "forehead": (224, 74),
    "left temple": (181, 100),
    "right temple": (272, 102),
    "left cheek": (186, 138),
    "right cheek": (266, 142),
    "chin": (226, 170),
    "below the chin": (226, 182),
}


@pytest.mark.parametrize("part", HEAD)
def test_the_whole_head_is_covered_not_the_box_alone(part: str, collins: Image) -> None:
    (found,) = open_detector().detect([collins])[0][:1]
    x, y = HEAD[part]
    speckled = noise(collins.shape[1], collins.shape[0])
    around = redact(speckled, (found,))[y - 3 : y + 4, x - 3 : x + 4]
    assert around.std() < 30 < speckled[y - 3 : y + 4, x - 3 : x + 4].std()


def test_a_third_more_than_the_box_is_covered_on_every_side() -> None:
    image, box = noise(300, 300), Box(100, 100, 200, 200)
    covered = redact(image, (Face(box, 0.9, np.zeros((5, 2), np.float32)),))
    changed = (covered != image).any(axis=2)
    for x, y in ((150, 84), (150, 215), (84, 150), (215, 150), (106, 106), (194, 194), (106, 194), (194, 106)):
        assert changed[y, x]
    for x, y in ((150, 80), (150, 220), (80, 150), (220, 150), (88, 88), (212, 212)):
        assert not changed[y, x]


def test_at_most_six_flat_cells_are_left_in_each_direction() -> None:
    """Stripes of a twelfth of the covered part vanish; with finer cells they would stay."""
    image = np.zeros((270, 270, 3), np.uint8)
    image[:, (np.arange(270) // 11) % 2 == 1] = 255
    covered = redact(image, (Face(Box(35, 35, 235, 235), 0.9, np.zeros((5, 2), np.float32)),))
    assert covered[100:170, 60:210].astype(float).std() < 20 < image[100:170, 60:210].astype(float).std()


def test_a_covered_face_is_not_recognized(collins: Image) -> None:
    model = store.load("dlib-resnet")
    network = Recognizer(model)
    (found,) = open_detector().detect([collins])[0][:1]
    crops = [network.align(image, found) for image in (collins, redact(collins, (found,)))]
    one, other = network.embed(crops)
    assert np.linalg.norm(one - other) > model.card.threshold(1e-2).value


def test_a_cut_face_has_a_quarter_of_its_box_on_every_side() -> None:
    image = noise(300, 200)
    part = cut(image, Box(100, 60, 180, 120))
    assert part.shape == (90, 120, 3) and np.array_equal(part, image[45:135, 80:200])
    assert cut(image, Box(-40, -40, 20, 20)).shape == (35, 35, 3)
