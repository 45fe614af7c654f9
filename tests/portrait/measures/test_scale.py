"""The quality scale against the points that the standard's table and plain formulas give."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.portrait.measures import colour, framing, light, mask, model_measures
from mien.portrait.measures.scale import falling, median, rising, sigmoid


@pytest.mark.parametrize(("x", "x0", "w"), [(0.3, 0.2, 0.05), (-4, 1, 15), (70, 70, 20), (1e6, 0, 1), (-1e6, 0, 1)])
def test_the_sigmoid_is_the_standards(x: float, x0: float, w: float) -> None:
    exact = 1 / (1 + math.exp((x0 - x) / w)) if (x0 - x) / w < 700 else 0.0
    assert sigmoid(x, x0, w) == pytest.approx(exact)
    assert rising(x, x0, w) + falling(x, x0, w) == pytest.approx(100)


def test_angles_have_75_at_30_degrees_and_93_at_15() -> None:
    assert framing.angle_quality(30) == pytest.approx(75)
    assert framing.angle_quality(-15) == pytest.approx(93.3, abs=0.1)
    assert framing.angle_quality(0) == 100


def test_eyes_70_pixels_apart_are_worth_50_and_90_are_worth_73() -> None:
    assert framing.inter_eye_quality(70) == pytest.approx(50)
    assert framing.inter_eye_quality(90) == pytest.approx(73.1, abs=0.1)


def test_a_head_5_percent_off_the_best_size_is_worth_54() -> None:
    assert framing.head_size_quality(0.45) == pytest.approx(100)
    assert framing.head_size_quality(0.40) == pytest.approx(53.8, abs=0.1)
    assert framing.head_size_quality(0.50) == pytest.approx(53.8, abs=0.1)


def test_margins_are_worth_50_at_the_standards_widths() -> None:
    assert framing.side_quality(0.9) == framing.above_quality(1.4) == framing.below_quality(1.8) == pytest.approx(50)


def test_one_other_face_of_equal_size_is_worth_nothing() -> None:
    assert framing.second_face_quality(0) == 100
    assert framing.second_face_quality(1.0) == 0
    assert framing.second_face_quality(3.0) == 0


def test_light_is_graded_as_the_standard_writes_it() -> None:
    assert light.uniformity_quality(0.5) == pytest.approx(100 * 0.5**0.3)
    assert light.bright_quality(0.0) == pytest.approx(100)
    assert light.bright_quality(0.09) == pytest.approx(10)
    assert light.range_quality(7) == pytest.approx(87.5)
    assert light.variance_quality(1 / 60) == pytest.approx(100)
    assert light.variance_quality(0) == pytest.approx(0)
    exact = 100 / (1 + math.exp((0.2 - 0.3) / 0.05)) * (1 - 1 / (1 + math.exp((0.8 - 0.3) / 0.05)))
    assert light.mean_quality(0.3) == pytest.approx(exact)


def test_under_exposure_is_nearly_flat_as_in_ofiq() -> None:
    assert light.dark_quality(0.0) == pytest.approx(99.8, abs=0.1)
    assert light.dark_quality(0.8) == pytest.approx(89.8, abs=1)
    assert light.dark_quality(1.0) == 0


def test_colour_eyes_and_mouth() -> None:
    assert colour.distance_quality(0) == 100
    assert model_measures.eyes_quality(0.02) == pytest.approx(50)
    assert model_measures.mouth_quality(0.2) == pytest.approx(50)
    assert mask.mask_quality(0.25) == 75


@given(st.lists(st.integers(-500, 500), min_size=1, max_size=30), st.sampled_from(["float32", "float64", "int16"]))
def test_the_median_is_numpys_in_every_bit(values: list[int], kind: str) -> None:
    given = (np.array(values) / 7).astype(kind)
    assert median(given) == float(np.median(given))
    assert median(given[None]) == median(given)


def test_scopes_are_measured_without_the_package_of_masked_arrays() -> None:
    """It takes a fortieth of the time of `mien compare`."""
    lines = (
        "import sys, numpy as np",
        "from mien.scope import find_scope",
        "from mien.types import Box, Cutout, Face",
        "points = np.array([[80, 90], [120, 90], [100, 112], [84, 130], [116, 130]], np.float32)",
        "image = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)",
        "found = find_scope(Cutout(image, points), Face(Box(60, 60, 140, 150), 0.99, points))",
        "assert len(found.values) >= 4, found",
        "assert 'numpy.ma' not in sys.modules",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
