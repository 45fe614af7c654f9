"""How outputs of the newer families become points and shares, with networks whose answers are known."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from mien.models.card import PortraitModelSpec
from mien.portrait.examine import Examined
from mien.portrait.measures import readers
from mien.portrait.measures.face_chip import FaceChip, make_face_chip
from mien.portrait.measures.face_crops import EYE_CORNERS, cut
from mien.portrait.measures.portrait_model import PortraitModel
from mien.portrait.measures.portrait_models import PORTRAIT_FAMILIES, run_portrait_models
from mien.types import Box, Floats, Image, floats


@dataclass
class Answers:
    """A network that gives one answer after the other, and keeps what it was given."""

    answers: list[list[Floats]]
    engine: str = "none"
    precision: str = "none"
    batchable: bool = False

    def __post_init__(self) -> None:
        self.seen: list[Image] = []

    def run(self, images: Image) -> list[Floats]:
        self.seen.append(images[0])
        return self.answers[(len(self.seen) - 1) % len(self.answers)]


def model(family: str, answers: list[list[Floats]], side: int = 64, **more: object) -> PortraitModel:
    known = PORTRAIT_FAMILIES[family]
    spec = PortraitModelSpec(crop=known.crops[0], margin=known.margin, output=known.outputs[0], **more)
    return PortraitModel(name=family, family=family, spec=spec, width=side, height=side, session=Answers(answers))


@pytest.fixture
def chip(hopper_examined: Examined) -> FaceChip:
    return make_face_chip(hopper_examined.portrait)


def turned(chip: FaceChip, degrees: float) -> FaceChip:
    """The same face with the image turned about its middle."""
    portrait = chip.portrait
    height, width = portrait.image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    image = np.asarray(cv2.warpAffine(portrait.image, matrix, (width, height)), np.uint8)
    points = floats(portrait.face.landmarks @ matrix[:, :2].T + matrix[:, 2])
    box = portrait.face.box
    middle = matrix @ np.array([(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2, 1])
    half = np.array([box.width, box.height]) / 2
    face = replace(portrait.face, landmarks=points, box=Box(*(middle - half), *(middle + half)))
    return make_face_chip(replace(portrait, image=image, faces=(face,), chosen=0))


def test_an_upright_crop_shows_the_same_however_the_image_is_turned(chip: FaceChip) -> None:
    taken = model("mesh", [])
    (straight,), (slanted,) = cut(chip, taken), cut(turned(chip, 20), taken)
    assert np.abs(straight.pixels.astype(int) - slanted.pixels).mean() < 6
    eyes = [
        np.linalg.solve(crop.back[:, :2], (one.portrait.face.landmarks[:2] - crop.back[:, 2]).T).T
        for crop, one in ((straight, chip), (slanted, turned(chip, 20)))
    ]
    np.testing.assert_allclose(eyes[0], eyes[1], atol=0.1)
    assert eyes[0][0, 1] == pytest.approx(eyes[0][1, 1], abs=1e-3), "the eyes are level"


def test_a_mesh_is_laid_back_with_its_depth_and_presence(chip: FaceChip) -> None:
    points = np.zeros((468, 3), np.float32)
    points[0], points[1], points[2] = (0, 0, 6), (64, 64, 0), (32, 32, -10)
    found = readers.mesh(chip, model("mesh", [[points.reshape(1, 1, 1, -1), np.array([[2.0]])]]))
    box = chip.portrait.face.box
    side, middle = 1.5 * max(box.width, box.height), [(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2]
    np.testing.assert_allclose(found["mesh"][2, :2], middle, atol=1e-2)
    assert np.linalg.norm(found["mesh"][1, :2] - found["mesh"][0, :2]) == pytest.approx(side * np.sqrt(2), rel=1e-4)
    assert found["mesh"][:3, 2] == pytest.approx([6 * side / 64, 0, -10 * side / 64], rel=1e-4)
    assert found["presence"] == pytest.approx(1 / (1 + np.exp(-2)))


def test_the_second_eye_is_mirrored_for_the_network_and_back(chip: FaceChip) -> None:
    answer = np.zeros((1, 15), np.float32)
    answer[0, :2] = 16, 32  # a quarter of the width from the left
    taken = model("iris", [[np.zeros((1, 213), np.float32), answer]])
    found = readers.iris(chip, taken)["iris"]
    crops = cut(chip, taken)
    np.testing.assert_array_equal(taken.session.seen[1], crops[1].pixels[:, ::-1])
    np.testing.assert_allclose(found[0, 0], crops[0].lay_back(floats([[16, 32]]))[0], atol=1e-3)
    np.testing.assert_allclose(found[1, 0], crops[1].lay_back(floats([[48, 32]]))[0], atol=1e-3)


def test_eyes_are_cut_around_the_corners_of_the_mesh(chip: FaceChip) -> None:
    mesh = np.zeros((468, 3), np.float32)
    (a, b), (c, d) = EYE_CORNERS
    mesh[a], mesh[b], mesh[c], mesh[d] = (100, 50, 0), (120, 50, 0), (150, 50, 9), (150, 70, 9)
    crops = cut(replace(chip, extra={"mesh": mesh}), model("eyes", []))
    np.testing.assert_allclose(crops[0].lay_back(floats([[0, 0], [64, 64]])), [[90, 30], [130, 70]], atol=1e-3)
    # The second eye's corners are one above the other, so its crop is turned by 90 degrees.
    np.testing.assert_allclose(crops[1].lay_back(floats([[0, 0], [64, 64]])), [[170, 40], [130, 80]], atol=1e-3)


def test_eyes_and_lives_are_shares(chip: FaceChip) -> None:
    opened = readers.eyes(chip, model("eyes", [[np.array([[0.1, 0.9]])], [np.array([[0.8, 0.2]])]]))
    assert opened["eyes"] == pytest.approx([0.9, 0.2])
    scores = np.log(np.array([[0.2, 0.7, 0.1]], np.float32)) + 5
    assert readers.liveness(chip, model("liveness", [[scores]], 80))["liveness"] == pytest.approx([0.7], abs=1e-6)
    shares = model("liveness", [[np.array([[0.2, 0.7, 0.1]])]], 80)
    shares = replace(shares, spec=shares.spec.model_copy(update={"output": "shares"}))
    assert readers.liveness(chip, shares)["liveness"] == pytest.approx([0.7], abs=1e-6)


def test_several_models_of_liveness_are_averaged(chip: FaceChip) -> None:
    models = [model("liveness", [[np.log(np.array([[1 - p, p, 1e-9]], np.float32))]], 80) for p in (0.9, 0.3)]
    assert run_portrait_models(chip, models).extra["liveness"] == pytest.approx([0.6], abs=1e-4)


@pytest.mark.parametrize("margin", [2.7, 4.0, 0.5])
def test_a_crop_inside_keeps_the_boxs_shape_and_does_not_leave_the_image(chip: FaceChip, margin: float) -> None:
    taken = model("liveness", [], 80)
    (crop,) = cut(chip, replace(taken, spec=taken.spec.model_copy(update={"margin": margin})))
    box, (height, width) = chip.portrait.face.box, chip.portrait.image.shape[:2]
    (x1, y1), (x2, y2) = crop.lay_back(floats([[0, 0], [80, 80]]))
    assert x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height
    share = min(margin, (height - 1) / box.height, (width - 1) / box.width)
    assert (x2 - x1, y2 - y1) == pytest.approx((box.width * share, box.height * share), abs=2)
    if margin == 0.5:
        assert (x1 + x2) / 2 == pytest.approx((box.x1 + box.x2) / 2, abs=1)
