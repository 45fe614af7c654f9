"""Left and right in instructions are the person's own, in every language, on real photographs.

A person who faces the camera has their left on the viewer's right. So a face near the left edge of the image must
move to the person's left, and a head whose nose points to the viewer's left must turn to the person's left.
"""

import re
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien import portrait
from mien.image import decode
from mien.types import Image

SIDES = {"en": ("left", "right"), "vi": ("trái", "phải")}


def sides(image: Image, *about: str) -> dict[str, set[str]]:
    """By language, the sides that the instructions about some measures name."""
    checked, found = portrait.check(image), {}
    for language, words in SIDES.items():
        advised = [v.advice(language) for v in checked.verdicts if v.rule.measure in about and v.state == "fail"]
        assert advised, {v.rule.measure: v.measured.value for v in checked.verdicts}
        found[language] = set(words) & {word for text in advised for word in re.findall(r"\w+", text)}
    return found


def mirrored(image: Image) -> Image:
    return np.ascontiguousarray(image[:, ::-1])


def near_the_left_edge(image: Image) -> Image:
    """The photograph with much room on the viewer's right."""
    return cv2.copyMakeBorder(image, 0, 0, 0, image.shape[1], cv2.BORDER_REPLICATE)


def test_a_face_near_the_viewers_left_is_asked_to_move_to_its_own_left(hopper: Image) -> None:
    image = near_the_left_edge(hopper)
    assert sides(image, "centre_x") == {"en": {"left"}, "vi": {"trái"}}
    assert sides(mirrored(image), "centre_x") == {"en": {"right"}, "vi": {"phải"}}


def test_a_face_that_the_viewers_left_edge_cuts_off_needs_room_on_its_own_right(hopper: Image) -> None:
    eyes = portrait.check(hopper).landmarks[:2]
    apart = float(np.linalg.norm(eyes[1] - eyes[0]))
    cut = np.ascontiguousarray(hopper[:, round(float(eyes[0, 0]) - 0.5 * apart) :])
    assert sides(cut, "margin_left") == {"en": {"right"}, "vi": {"phải"}}
    assert sides(mirrored(cut), "margin_right") == {"en": {"left"}, "vi": {"trái"}}


@pytest.mark.parametrize(("degrees", "en", "vi"), [(-45, "right", "phải"), (45, "left", "trái")])
def test_a_tilted_head_is_asked_to_tilt_to_the_other_side(hopper: Image, degrees: int, en: str, vi: str) -> None:
    """Turned clockwise (negative degrees in OpenCV), the head leans towards the person's left shoulder."""
    height, width = hopper.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 0.8)
    image = cv2.warpAffine(hopper, turn, (width, height), borderValue=(90, 90, 90))
    assert sides(np.asarray(image, np.uint8), "roll") == {"en": {en}, "vi": {vi}}


@pytest.mark.real
def test_a_head_that_looks_to_the_viewers_left_is_asked_to_turn_to_its_own_left(data: Path) -> None:
    with tarfile.open(data / "lfw" / "lfw-deepfunneled.tar") as archive:
        name = "images_deepfunneled/George_W_Bush/George_W_Bush_0004.jpg"
        image = decode(archive.extractfile(name).read(), name).image
    assert sides(image, "yaw") == {"en": {"left"}, "vi": {"trái"}}
    assert sides(mirrored(image), "yaw") == {"en": {"right"}, "vi": {"phải"}}
