"""The poses of crops: their points in pixels, and the sizes for which they are defined."""

import numpy as np
import pytest

from mien.errors import CardError
from mien.templates import (
    TEMPLATES,
    BoxTemplate,
    PointsTemplate,
    arcface_template,
    dlib_template,
    make_template,
    narrow_template,
    parse_template,
    template_text,
)


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
    sizes = {"arcface": 112, "arcface-96x112": 128, "dlib": 150}
    assert {name: TEMPLATES[name](size).points.shape for name, size in sizes.items()} == {
        "arcface": (5, 2),
        "arcface-96x112": (5, 2),
        "dlib": (3, 2),
    }


def test_the_narrow_pose_has_the_points_that_intel_publishes() -> None:
    """Open Model Zoo, face-reidentification-retail-0095, README: shares of width and height."""
    published = [[0.31556875, 0.46157410], [0.68262292, 0.46157410], [0.50026250, 0.64050536]]
    published += [[0.34947188, 0.82469195], [0.65343646, 0.82325089]]
    assert narrow_template(128).points / 128 == pytest.approx(np.array(published), abs=2e-3)


POINTS = "0.3,0.4 0.7,0.4 0.5,0.6 0.35,0.8 0.65,0.8"


@pytest.mark.parametrize("text", ["arcface", "arcface-96x112", "dlib", "box:1.3", POINTS])
def test_a_template_is_read_as_it_is_written(text: str) -> None:
    assert template_text(parse_template(text)) == text


def test_points_are_shares_of_the_crop_in_pixels() -> None:
    template = make_template(parse_template(POINTS), 160)
    assert isinstance(template, PointsTemplate)
    assert template.points[0] == pytest.approx([48, 64]) and np.array_equal(template.mixing, np.eye(5))
    assert make_template("box:1.3", 160) == BoxTemplate(160, 1.3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vgg", "a template is arcface"),
        ("box:nan", "between 0.5 and 2"),
        ("box:3", "between 0.5 and 2"),
        ("box:wide", "between 0.5 and 2"),
        ("0.3,0.4 0.7,0.4 0.5,0.6 0.35,0.8", "a template is arcface"),
        ("30,40 70,40 50,60 35,80 65,80", "between 0 and 1"),
        ("0.7,0.4 0.3,0.4 0.5,0.6 0.35,0.8 0.65,0.8", "as the viewer sees them"),
        ("0.3,0.8 0.7,0.8 0.5,0.6 0.35,0.4 0.65,0.4", "as the viewer sees them"),
        ("nan,0.4 0.7,0.4 0.5,0.6 0.35,0.8 0.65,0.8", "between 0 and 1"),
    ],
)
def test_a_wrong_template_says_what_one_can_be(text: str, says: str) -> None:
    with pytest.raises(CardError, match=says):
        parse_template(text)
