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


@pytest.mark.parametrize("who", ["hopper_examined", "collins_examined"])
def test_wedges_of_the_half_spectrum_say_what_a_full_transform_says(request, who: str) -> None:
    chip = make_face_chip(request.getfixturevalue(who).portrait)
    grey = chip.grey[detail.FACE].astype(np.float64)
    hann = np.hanning(len(grey) + 2)[1:-1]
    taper = np.outer(hann, hann)
    spectrum = np.abs(np.fft.fft2((grey - grey.mean()) * taper)) ** 2 / (taper**2).sum()
    f = np.fft.fftfreq(len(grey))
    fx, fy = np.meshgrid(f, f[: len(f) // 2 + 1])
    radius, direction = np.hypot(fx, fy), np.arctan2(np.abs(fy), fx) % np.pi
    less = np.zeros((4, 12))
    for ring, (low, high) in enumerate(detail.RINGS):
        for wedge in range(12):
            off = np.abs((direction - wedge * np.pi / 12 + np.pi / 2) % np.pi - np.pi / 2)
            weight = np.clip(1 - off / (np.pi / 8), 0, None) * radius * ((radius >= low) & (radius < high))
            less[ring, wedge] = 10 * np.log10((weight * spectrum[: len(f) // 2 + 1]).sum() / weight.sum() + 1e-3)
    less -= detail.STILL
    expected = np.minimum(np.roll(less, 6, axis=1) - less, detail.MAX_MISSING).mean(axis=0).max()
    assert detail.motion(chip) == pytest.approx(expected, abs=1e-3)


def test_the_grid_is_the_same_by_plain_loops_along_both_axes() -> None:
    grey = np.random.default_rng(0).uniform(0, 60, (33, 41)).astype(np.float32)
    for axis, part in ((1, grey), (0, grey.T)):
        columns = []
        for x in range(1, part.shape[1] - 2):
            jumps = []
            for row in part.astype(np.float64):
                step = [abs(row[x + k + 1] - row[x + k]) for k in (-1, 0, 1)]
                jumps.append(min(16, max(-16, step[1] - (step[0] + step[2]) / 2)))
            columns.append(np.mean(jumps))
        phases = [np.mean(columns[k : len(columns) // 8 * 8 : 8]) for k in range(8)]
        assert detail._grid(grey, axis) == pytest.approx(max(phases) - np.median(phases), abs=1e-4)
