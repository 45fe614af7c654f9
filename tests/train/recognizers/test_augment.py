"""Augmentation of crops: what each kind does, how far it goes, and how often."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.recognizers import augment as augmenting
from mien.train.recognizers.augment import AUGMENTATIONS, augment
from mien.train.recognizers.dataset import CropDataset


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_each_augmentation_changes_a_crop_and_follows_its_seed(kind: str, face_pack: Path) -> None:
    crop = CropDataset([face_pack], 112, "arcface").read(0)
    one, two, other = (augment(crop, "arcface", {kind: 1.0}, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == crop.shape and one.dtype == np.uint8
    assert np.array_equal(one, two)
    assert not np.array_equal(one, crop)
    assert kind == "mirror" or not np.array_equal(one, other)
    assert np.array_equal(augment(crop, "arcface", {}, np.random.default_rng(0)), crop)


def test_augmentation_happens_as_often_as_it_says(face_pack: Path) -> None:
    crop = CropDataset([face_pack], 112, "arcface").read(0)
    generator = np.random.default_rng(0)
    mirrored = sum(not np.array_equal(augment(crop, "arcface", {"mirror": 0.3}, generator), crop) for _ in range(600))
    assert mirrored / 600 == pytest.approx(0.3, abs=0.06)


DRAWS = 1500
"""Enough for both ends of a range of 61 numbers to come up, and for a uniform draw to come near its ends."""


def draws(kind: str, crop: np.ndarray, count: int = DRAWS) -> Iterator[np.ndarray]:
    """Many crops changed by one kind."""
    for seed in range(count):
        yield augment(crop, "arcface", {kind: 1.0}, np.random.default_rng(seed))


def near_ends(values: list[float], low: float, high: float, tolerance: float) -> bool:
    """Whether values fill a range: none outside of it, and some near each end."""
    inside = low - tolerance <= min(values) and max(values) <= high + tolerance
    return inside and min(values) <= low + 2 * tolerance and max(values) >= high - 2 * tolerance


def test_jpeg_qualities_are_20_to_80_with_halved_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str, str]] = []
    real = simplejpeg.encode_jpeg

    def encode(image: np.ndarray, quality: int, colorspace: str, colorsubsampling: str) -> bytes:
        seen.append((quality, colorspace, colorsubsampling))
        return real(image, quality, colorspace, colorsubsampling=colorsubsampling)

    monkeypatch.setattr(augmenting.simplejpeg, "encode_jpeg", encode)
    assert len(list(draws("jpeg", np.full((16, 16, 3), 90, np.uint8)))) == DRAWS
    assert {quality for quality, _, _ in seen} == set(range(20, 81))
    assert {(colours, subsampling) for _, colours, subsampling in seen} == {("RGB", "420")}


def dots(side: int) -> np.ndarray:
    """Two soft white dots, 60% of the side apart, whose places can be measured to a part of a pixel."""
    y, x = np.mgrid[:side, :side]
    image = np.zeros((side, side))
    for column in (0.2, 0.8):
        image += 255 * np.exp(-((x - column * side) ** 2 + (y - side / 2) ** 2) / (2 * (side / 60) ** 2))
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def places(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the left and the right dot are."""
    side, found = image.shape[0], []
    for part, offset in ((image[:, : side // 2, 0], 0), (image[:, side // 2 :, 0], side // 2)):
        weight = part.astype(float)
        y, x = np.mgrid[: part.shape[0], : part.shape[1]]
        found.append(np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum() + (offset, 0))
    return found[0], found[1]


def test_a_crop_again_moves_4_percent_turns_5_degrees_and_scales_8_percent() -> None:
    side, crop = 240, dots(240)
    left, right = places(crop)
    middle, apart = (left + right) / 2, float(np.linalg.norm(right - left))
    shifts, turns, zooms = [], [], []
    for changed in draws("crop", crop):
        a, b = places(changed)
        # The image turns and scales around its own centre, where the middle of the dots is.
        shifts += ((((a + b) / 2) - middle) / side).tolist()
        turns.append(float(np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0]))))
        zooms.append(float(np.linalg.norm(b - a)) / apart)
    assert near_ends(shifts, -0.04, 0.04, 0.0005)
    assert near_ends(turns, -5, 5, 0.05)
    assert near_ends(zooms, 0.92, 1.08, 0.001)


def edge_width(image: np.ndarray) -> float:
    """Standard deviation of the blur of an upright edge in the middle, in pixels."""
    row = image[image.shape[0] // 2, :, 0].astype(float)
    slope, x = np.diff(row), np.arange(len(row) - 1) + 0.5
    mean = (slope * x).sum() / slope.sum()
    return float(np.sqrt((slope * (x - mean) ** 2).sum() / slope.sum()))


@pytest.mark.parametrize("side", [224, 448])
def test_blur_is_a_gaussian_of_up_to_1_6_pixels_in_a_crop_of_112(side: int) -> None:
    edge = np.zeros((side, side, 3), np.uint8)
    edge[:, side // 2 :] = 255
    # A draw in ten is as near to an end of the range as is asked for.
    widths = [edge_width(changed) for changed in draws("blur", edge, 200)]
    assert near_ends([width * 112 / side for width in widths], 0.4, 1.6, 0.06)


def test_downscaling_leaves_25_to_80_percent_of_the_side(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []
    real = cv2.resize
    spy = lambda image, size, interpolation: sizes.append(size) or real(image, size, interpolation=interpolation)  # noqa: E731
    monkeypatch.setattr(augmenting.cv2, "resize", spy)
    assert len(list(draws("downscale", np.zeros((200, 200, 3), np.uint8)))) == DRAWS
    small, back = sizes[::2], sizes[1::2]
    assert set(back) == {(200, 200)} and all(width == height for width, height in small)
    assert near_ends([width / 200 for width, _ in small], 0.25, 0.8, 0.005)


def test_colours_change_as_far_as_the_guide_says() -> None:
    crop = np.full((16, 16, 3), 100, np.uint8)
    crop[:4], crop[4:8] = 80, 120
    crop[8:12] = (140, 100, 60)
    crop[12:] = (60, 100, 140)
    brightness, gains, contrast, saturation = [], [], [], []
    for changed in draws("colour", crop):
        dark, light, one, other = (changed[row].astype(float).mean(axis=0) for row in (0, 5, 9, 13))
        gain = (dark + light) / 200
        brightness.append(float(gain.mean()))
        gains += (gain / gain.mean()).tolist()
        contrast.append(float((light - dark).sum() / (40 * gain.sum())))
        reach = ((one - other) / gain)[0] - ((one - other) / gain)[2]
        saturation.append(float(reach / 160 / contrast[-1]))
    assert near_ends(brightness, 0.75 * 0.97, 1.25 * 1.03, 0.04)
    assert near_ends(contrast, 0.75, 1.25, 0.02)
    assert near_ends(saturation, 0.6, 1.4, 0.04)
    # Each channel within 5%, so that one differs from the mean of all by less than 7%.
    assert 0.055 < max(gains) - 1 < 0.075 and 0.055 < 1 - min(gains) < 0.075


@pytest.mark.parametrize(("kind", "levels"), [("mask", {1, 2, 3, 4}), ("glasses", {1, 2, 3})])
def test_masks_and_glasses_are_drawn_at_all_levels(
    kind: str, levels: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(augmenting, f"draw_{kind}", lambda crop, points, level, generator: seen.append(level) or crop)
    assert len(list(draws(kind, np.zeros((112, 112, 3), np.uint8)))) == DRAWS
    assert set(seen) == levels
