"""The poses of crops: their points in pixels, and the sizes for which they are defined."""

import numpy as np
import pytest

from mien.errors import CardError
from mien.templates import TEMPLATES, arcface_template, dlib_template


def test_the_dlib_pose_in_pixels() -> None:
    """(0.25 + p) / 1.5 of the chip, p from dlib's mean face."""
    points = dlib_template(150).points
    assert points[0] == pytest.approx([47.73, 47.14], abs=0.01)
    assert points[1] == pytest.approx([100.28, 47.12], abs=0.01)
    assert points[2] == pytest.approx([74.01, 87.78], abs=0.01)


def test_the_128_pose_is_shifted() -> None:
    assert arcface_template(128).points[0] == pytest.approx([38.2946 + 8, 51.6963], abs=1e-4)
    assert arcface_template(224).points[3] == pytest.approx([2 * 41.5493, 2 * 92.3655], abs=1e-3)


def test_an_undefined_size_is_refused() -> None:
    with pytest.raises(CardError, match="multiples of 112 and 128"):
        arcface_template(150)


def test_the_nose_s_base_of_dlib_follows_from_five_landmarks() -> None:
    """0.654 of the tip and 0.346 of the middle of the mouth, which is half of each corner."""
    mixing = dlib_template(150).mixing
    assert mixing.sum(axis=1) == pytest.approx([1, 1, 1]) and np.array_equal(mixing[:2], np.eye(5)[:2])
    assert mixing[2] == pytest.approx([0, 0, 0.654, 0.173, 0.173])


def test_every_pose_is_reached_by_its_name() -> None:
    assert {name: TEMPLATES[name](size).points.shape for name, size in (("arcface", 112), ("dlib", 150))} == {
        "arcface": (5, 2),
        "dlib": (3, 2),
    }
