"""Pose from five landmarks: exact on exact faces, invariant where it must be, calibrated on simulated ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import DegenerateLandmarksError
from mien.portrait.measures import pose
from mien.portrait.measures.pose import Angle, Population, estimate, mean_face, rotation
from mien.types import floats

FREE = Population(yaw_sd=500, pitch_sd=500, roll_sd=500, noise=0.001)
angles = st.floats(-40, 40)


def project(yaw: float, pitch: float, roll: float, population: Population = FREE) -> np.ndarray:
    turned = mean_face(population) @ rotation(*np.radians([yaw, pitch, roll])).T
    return turned[:, :2] / (1 + turned[:, 2:] / population.distance)


@given(angles, angles, angles, st.floats(0.3, 20), st.floats(-300, 300))
def test_the_mean_face_is_read_back(yaw: float, pitch: float, roll: float, size: float, shift: float) -> None:
    found = estimate(floats(project(yaw, pitch, roll) * size + shift), FREE)
    assert (found.yaw.value, found.pitch.value, found.roll.value) == pytest.approx((yaw, pitch, roll), abs=0.6)


def test_signs_are_those_of_the_module() -> None:
    points = project(20, 0, 0)
    assert points[2, 0] > 0, "the nose points to the viewer's right where yaw is positive"
    assert project(0, 20, 0)[2, 1] > project(0, 0, 0)[2, 1], "and down where pitch is"
    eyes = project(0, 0, 20)[:2]
    assert eyes[1, 1] > eyes[0, 1], "and the head is tilted clockwise where roll is"


@given(angles, st.floats(-170, 170))
def test_turning_the_picture_changes_roll_alone(yaw: float, turn: float) -> None:
    # At most 170 degrees, where an angle does not jump by a whole turn.
    found = estimate(floats(project(yaw, 5, turn)), FREE)
    assert found.roll.value == pytest.approx(turn, abs=0.6)
    assert found.yaw.value == pytest.approx(yaw, abs=0.6)


def test_a_mirrored_face_has_the_opposite_yaw_and_roll(hopper_examined) -> None:
    points = hopper_examined.landmarks
    mirrored = (points * (-1, 1))[[1, 0, 2, 4, 3]]
    one, other = estimate(points), estimate(floats(mirrored))
    assert other.yaw.value == pytest.approx(-one.yaw.value, abs=0.1)
    assert other.roll.value == pytest.approx(-one.roll.value, abs=0.1)
    assert other.pitch.value == pytest.approx(one.pitch.value, abs=0.1)


def test_slopes_are_those_of_finite_differences() -> None:
    draw = np.random.default_rng(3)
    face, target = mean_face(FREE), draw.normal(0, 20, (5, 2))
    state = np.concatenate([draw.normal(0, 0.4, 3), [0.1, 2.0, -3.0], draw.normal(0, 2, 5)])
    left, slopes = pose._residual(state, face, target, 1 / 800)
    for index in range(11):
        moved = state.copy()
        moved[index] += 1e-6
        difference = (left - pose._residual(moved, face, target, 1 / 800)[0]) / 1e-6
        assert slopes[:, index] == pytest.approx(difference, abs=1e-3, rel=1e-3)


@given(*(st.floats(-1.2, 1.2) for _ in range(3)))
def test_the_rotation_for_points_as_rows_is_that_of_the_three_turns(yaw: float, pitch: float, roll: float) -> None:
    assert pose._turns(yaw, pitch, roll)[:, :3] == pytest.approx(rotation(yaw, pitch, roll).T, abs=1e-12)


def test_a_deeper_nose_reads_as_a_larger_yaw() -> None:
    points = floats(project(25, 0, 0))
    flat = estimate(points, Population(nose_depth=18, nose_depth_sd=0.5))
    deep = estimate(points, Population(nose_depth=28, nose_depth_sd=0.5))
    assert flat.yaw.value > deep.yaw.value + 3


def test_an_unsure_depth_makes_an_unsure_yaw() -> None:
    points = floats(project(25, 0, 0))
    assert estimate(points, Population(nose_depth_sd=6)).yaw.sd > estimate(points, Population(nose_depth_sd=1)).yaw.sd


@given(st.floats(-60, 60), st.floats(0.5, 20), st.floats(1, 50))
def test_the_probability_beyond_a_limit_is_that_of_draws(value: float, sd: float, limit: float) -> None:
    draws = np.random.default_rng(0).normal(value, sd, 20000)
    assert Angle(value, sd).beyond(limit) == pytest.approx((abs(draws) > limit).mean(), abs=0.02)


def test_faces_beyond_30_degrees_are_told_from_others() -> None:
    draw = np.random.default_rng(0)
    family = Population(nose_y=39, mouth_y=71, mouth_x=25, noise=0.01, yaw_sd=60)
    yaws = draw.uniform(-50, 50, 600)
    beyond = []
    for yaw in yaws:
        face = mean_face(family)
        face[2, 2] = -draw.uniform(18, 28)
        face *= draw.normal(1, 0.05, 3)
        turned = face @ rotation(*np.radians([yaw, *draw.uniform(-15, 15, 2)])).T
        points = turned[:, :2] * 800 / (800 + turned[:, 2:]) + draw.normal(0, 0.63, (5, 2))
        beyond.append(estimate(floats(points), family).yaw.beyond(30))
    true, found = abs(yaws) > 30, np.array(beyond)
    limit = np.quantile(found[~true], 0.95)
    assert (found[true] > limit).mean() > 0.85


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), np.nan)])
def test_landmarks_in_one_spot_are_refused(points: np.ndarray) -> None:
    with pytest.raises(DegenerateLandmarksError):
        estimate(floats(points))


def test_the_default_population_is_the_one_that_was_measured() -> None:
    """Means of landmarks and of anthropometry (docs/log.md); a nose that is 4 mm off turns 31 degrees into 26."""
    p = pose.DEFAULT_POPULATION
    assert (p.nose_depth, p.nose_y, p.mouth_y, p.mouth_x, p.mouth_depth) == (23.0, 39.6, 64.0, 28.2, 4.0)
    assert (p.distance, p.noise, p.yaw_sd, p.pitch_sd, p.roll_sd) == (800.0, 0.025, 30.0, 12.0, 30.0)
    found = estimate(floats(project(31, 0, 0, Population(nose_depth=19.0)) * 4))
    assert found.yaw.value == pytest.approx(26, abs=1)
