"""Sharpness, motion, noise and compression on two real portraits: each follows its own fault."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import simplejpeg

from mien.portrait.measures import detail
from mien.portrait.measures.face_chip import make_face_chip
from mien.types import Image


def blurred(image: Image, points: np.ndarray, much: float) -> Image:
    return cv2.GaussianBlur(image, (0, 0), 0.02 * much * ied(points))


def moved(image: Image, points: np.ndarray, much: float) -> Image:
    side = 2 * round(0.05 * much * ied(points)) + 1
    kernel = np.zeros((side, side), np.float32)
    kernel[side // 2] = 1 / side
    return cv2.filter2D(image, -1, kernel)


def noisy(image: Image, points: np.ndarray, much: float) -> Image:
    draw = np.random.default_rng(0).normal(0, 6 * much, image.shape)
    return np.clip(image + draw, 0, 255).astype(np.uint8)


def compressed(image: Image, points: np.ndarray, much: float) -> Image:
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), round(45 - 10 * much), "RGB")
    return simplejpeg.decode_jpeg(data, "RGB")


def ied(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[1] - points[0]))


FAULTS: dict[str, tuple[Callable, Callable, int]] = {
    "blur": (blurred, detail.sharpness, -1),
    "movement": (moved, detail.motion, 1),
    "noise": (noisy, detail.noise, 1),
    "compression": (compressed, detail.blocks, 1),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["hopper_examined", "collins_examined"])
def test_a_measure_follows_its_fault(request, follows, who: str, fault: str) -> None:
    apply, measure, sign = FAULTS[fault]
    follows(request.getfixturevalue(who), apply, measure, sign)


def test_blur_and_movement_are_told_apart(climb, collins_examined) -> None:
    still = climb(collins_examined, blurred, detail.motion)
    moving = climb(collins_examined, moved, detail.motion)
    assert moving[-1] > 8 > still[-1]


def test_noise_is_no_sharpness(climb, collins_examined) -> None:
    values = climb(collins_examined, noisy, detail.sharpness)
    assert max(values) - values[0] < 0.8


def test_traces_of_compression_cannot_be_measured_in_reduced_pictures(seen, grain) -> None:
    one = seen(grain).portrait
    reduced = replace(one, width=one.width * 2, height=one.height * 2)
    assert detail.blocks(make_face_chip(reduced)) is None
    assert detail.blocks(make_face_chip(one)) is not None
