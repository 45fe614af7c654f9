"""What a mesh and the outline of the lids say, on points whose angles and openings are known."""

from dataclasses import replace

import numpy as np
import pytest

from mien.portrait.examine import Examined
from mien.portrait.measures import mesh, model_measures
from mien.portrait.measures.face_chip import FaceChip, make_face_chip
from mien.portrait.measures.pose import rotation
from mien.types import Floats, floats


@pytest.fixture(scope="module")
def chip(hopper_examined: Examined) -> FaceChip:
    return make_face_chip(hopper_examined.portrait)


def head(yaw: float = 0, pitch: float = 0, roll: float = 0) -> Floats:
    """A mesh whose mirror pairs and middle line are those of a head that is turned so, as the mesh gives depths."""
    points = np.zeros((468, 3))
    for number, (left, right) in enumerate(mesh.PAIRS):
        points[left], points[right] = (-40 - number, 3 * number, number), (40 + number, 3 * number, number)
    lean = np.radians(mesh.PITCH_AHEAD)
    points[mesh.FOREHEAD] = (0, -60 * np.cos(lean), -60 * np.sin(lean))
    points[mesh.CHIN] = (0, 60 * np.cos(lean), 60 * np.sin(lean))
    turned = points @ rotation(*np.radians((yaw, pitch, roll))).T
    turned[:, 2] /= mesh.DEPTH
    return floats(turned + np.array([200, 150, 0]))


@pytest.mark.parametrize(
    "angles", [(0, 0, 0), (25, 0, 0), (-40, 0, 0), (0, 15, 0), (0, -20, 0), (0, 0, 30), (20, 10, -15)]
)
def test_the_angles_of_a_mesh_have_the_signs_of_the_five_landmarks(chip: FaceChip, angles: tuple[float, ...]) -> None:
    found = mesh.turn(replace(chip, extra={"mesh": head(*angles)}))
    assert [found.yaw.value, found.pitch.value, found.roll.value] == pytest.approx(angles, abs=0.01)
    one = model_measures.turn(replace(chip, extra={"mesh": head(*angles)}), "pitch")
    assert (one.value, one.sd) == (found.pitch.value, mesh.POSE_SD)


def lids(height: float, width: float, middle: tuple[float, float]) -> np.ndarray:
    points = np.tile(np.array(middle, np.float32), (16, 1))
    points[0, 0] -= width / 2
    points[8, 0] += width / 2
    for upper, lower in mesh.LID_LINES:
        points[upper, 1] -= height / 2
        points[lower, 1] += height / 2
    return points


def test_the_wider_eye_counts(chip: FaceChip) -> None:
    both = floats([lids(2, 30, (100, 100)), lids(9, 30, (160, 100))])
    both[1] = both[1][[8, 1, 2, 3, 4, 5, 6, 7, 0, *range(9, 16)]]  # the viewer's right eye begins on the right
    seen = replace(chip, extra={"lids": both})
    assert model_measures.eye_ratio(seen) == pytest.approx(0.3)
    assert mesh.eye_ratio(chip) is None


@pytest.mark.parametrize(("left", "right", "value"), [(0, 0, 0), (3, 3, 0.1), (-6, -6, -0.2), (3, -3, 0)])
def test_gaze_is_the_mean_offset_of_both_irises_to_the_viewers_right(
    chip: FaceChip, left: float, right: float, value: float
) -> None:
    both = floats([lids(9, 30, (100, 100)), lids(9, 30, (160, 100))])
    both[1] = both[1][[8, 1, 2, 3, 4, 5, 6, 7, 0, *range(9, 16)]]
    iris = floats([[[100 + left, 101]] * 5, [[160 + right, 101]] * 5])
    assert mesh.gaze(replace(chip, extra={"lids": both, "iris": iris})) == pytest.approx(value, abs=1e-6)
    assert mesh.gaze(replace(chip, extra={"lids": both})) is None


def test_the_mouth_is_measured_in_t(chip: FaceChip) -> None:
    points = np.zeros((468, 3), np.float32)
    points[[33, 133, 362, 263]] = [(80, 100, 0), (100, 100, 0), (130, 100, 0), (150, 100, 0)]
    points[mesh.CHIN] = (115, 220, 40)
    points[13], points[14] = (115, 170, -5), (115, 182, -9)
    assert model_measures.mouth_open(replace(chip, extra={"mesh": points})) == pytest.approx(12 / 120)


def test_landmarks_of_other_layouts_give_the_eyes_ratio_too(chip: FaceChip) -> None:
    turn = np.arange(6) * np.pi / 3
    points = np.zeros((68, 2), np.float32)
    points[36:42] = np.column_stack([100 + 10 * np.cos(turn), 100 + 2 * np.sin(turn)])
    points[42:48] = np.column_stack([160 + 10 * np.cos(turn), 100 + 4 * np.sin(turn)])
    seen = replace(chip, extra={"landmarks": points})
    assert model_measures.eye_ratio(seen) == pytest.approx(0.4 * np.sin(np.pi / 3), rel=1e-3)


@pytest.mark.parametrize("degrees", [0, 30, -75])
def test_five_landmarks_turn_with_the_mesh_and_are_shifted_along_the_face(degrees: float) -> None:
    points = np.zeros((468, 3))
    places = np.array([[80, 100], [140, 100], [110, 130], [88, 160], [132, 160]], float)
    for group, place in zip(mesh.FIVE, places, strict=True):
        points[list(group), :2] = place
        points[group[0], 0] -= 4 * (len(group) > 1)
        points[group[-1], 0] += 4 * (len(group) > 1)
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    points[:, :2] = points[:, :2] @ turn.T
    np.testing.assert_allclose(mesh.five_points(floats(points), shifted=False), places @ turn.T, atol=1e-3)
    shifted = places + 60 * np.array(mesh.FIVE_SHIFT)
    np.testing.assert_allclose(mesh.five_points(floats(points)), shifted @ turn.T, atol=1e-3)
