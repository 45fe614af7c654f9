"""A face upright and at a fixed size, with the image's own pixels kept besides."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.errors import DegenerateLandmarksError
from mien.geometry import similarity, transform
from mien.portrait.examine import Examined
from mien.portrait.measures.face_chip import (
    CHIP,
    CHIP_POSE,
    EYE_LINE,
    IED,
    NATIVE,
    OVAL,
    SMALL,
    FaceChip,
    PortraitImage,
    luminance,
    make_face_chip,
    once,
    oval,
    zone,
)
from mien.types import Box, Face, Image, floats

FACE = Face(Box(50, 30, 174, 210), 0.99, CHIP_POSE.points)


def test_a_frontal_face_has_its_eyes_64_apart_on_row_88() -> None:
    left, right = CHIP_POSE.points[:2]
    assert np.linalg.norm(right - left) == pytest.approx(IED, rel=1e-5)
    assert (left[1] + right[1]) / 2 == pytest.approx(EYE_LINE, abs=1e-4)
    assert (left[0] + right[0]) / 2 == pytest.approx(CHIP / 2, abs=1e-4)


@pytest.mark.parametrize(("turn", "scale"), [(0, 1.0), (25, 1.7), (-40, 0.6)])
def test_a_turned_and_scaled_face_gives_the_same_chip(grain: Image, turn: float, scale: float) -> None:
    smooth = cv2.GaussianBlur(grain, (0, 0), 3)
    matrix = cv2.getRotationMatrix2D((112, 112), turn, scale)
    matrix[:, 2] += 200 - 112
    moved = cv2.warpAffine(smooth, matrix, (400, 400), borderMode=cv2.BORDER_REFLECT)
    points = transform(CHIP_POSE.points, matrix)
    face = Face(FACE.box, 0.9, points)
    chip = make_face_chip(PortraitImage(image=np.asarray(moved), width=400, height=400, faces=(face,), chosen=0))
    assert chip.points == pytest.approx(CHIP_POSE.points, abs=0.01)
    middle = slice(60, 164)
    assert np.abs(chip.pixels[middle, middle].astype(int) - smooth[middle, middle]).mean() < 2
    assert chip.native_scale == pytest.approx(IED * scale, rel=1e-3)


def test_the_way_back_leads_from_the_chip_to_the_image(hopper_examined: Examined) -> None:
    chip = hopper_examined.chip
    assert chip is not None
    assert transform(chip.points, chip.back) == pytest.approx(chip.portrait.face.landmarks, abs=0.05)
    assert similarity(chip.portrait.face.landmarks, CHIP_POSE.points) == pytest.approx(
        cv2.invertAffineTransform(chip.back), abs=1e-3
    )


def test_arrays_have_the_promised_shapes(seen: Callable[[Image], FaceChip], grain: Image) -> None:
    chip = seen(grain)
    assert chip.pixels.shape == (CHIP, CHIP, 3) and chip.pixels.dtype == np.uint8
    assert chip.grey.shape == chip.light.shape == (CHIP, CHIP)
    assert chip.inside.shape == OVAL.shape == (int(oval().sum()),)
    assert chip.native.shape[0] == chip.native.shape[1] <= NATIVE and chip.spectrum.shape == chip.native.shape
    assert np.array_equal(chip.inside, chip.light[oval()])


def test_native_pixels_are_those_of_the_image(seen: Callable[[Image], FaceChip], grain: Image) -> None:
    chip = seen(grain)
    luma = cv2.cvtColor(grain, cv2.COLOR_RGB2GRAY).astype(np.float32)
    side = chip.native.shape[0]
    windows = [
        np.array_equal(chip.native, luma[top : top + side, left : left + side])
        for top in range(CHIP - side + 1)
        for left in range(CHIP - side + 1)
    ]
    assert sum(windows) == 1


def test_luminance_is_that_of_the_standard_at_each_level() -> None:
    for level in (0, 10, 11, 128, 255):
        share = level / 255
        linear = share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        grey = np.full((1, 1, 3), level, np.uint8)
        assert luminance(grey)[0, 0] == pytest.approx(linear, abs=1e-6)


def test_landmarks_in_one_spot_are_refused(grain: Image) -> None:
    face = Face(FACE.box, 0.9, np.full((5, 2), 50, np.float32))
    with pytest.raises(DegenerateLandmarksError):
        make_face_chip(PortraitImage(image=grain, width=CHIP, height=CHIP, faces=(face,), chosen=0))


def test_the_eyes_and_the_way_down_are_means_of_landmarks(seen: Callable[[Image], FaceChip], grain: Image) -> None:
    chip = seen(grain)
    assert chip.eyes == pytest.approx([CHIP / 2, EYE_LINE], abs=0.01)
    assert chip.down == pytest.approx(CHIP_POSE.points[3:].mean(axis=0) - chip.eyes, abs=0.01)


@pytest.mark.parametrize(("height", "width"), [(100, 160), (161, 100), (3000, 2000), (320, 40), (7, 400)])
def test_the_small_copy_averages_whole_pixels(height: int, width: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    small = PortraitImage(image=image, width=width, height=height).small
    factor = -(-max(height, width) // SMALL)
    assert small.shape[:2] == (height // factor, width // factor)
    assert max(small.shape[:2]) <= SMALL and (factor == 1 or max(small.shape[:2]) >= SMALL / 2)
    cell = image[:factor, :factor].reshape(-1, 3).mean(axis=0)
    assert np.abs(small[0, 0] - cell).max() <= 1


def test_an_image_too_thin_to_average_stays_as_it_is() -> None:
    thin = np.zeros((1, 400, 3), np.uint8)
    assert PortraitImage(image=thin, width=400, height=1).small is thin


def test_the_reduction_is_pixels_of_the_file_per_pixel() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    assert PortraitImage(image=image, width=320, height=240).reduction == 4


@pytest.mark.parametrize("centre", [(112, 112), (0, 0), (224, 224), (-50, 300)])
def test_a_zone_is_cut_at_the_border_and_never_empty(centre: tuple[float, float]) -> None:
    values = floats(np.arange(CHIP * CHIP).reshape(CHIP, CHIP))
    found = zone(values, floats(centre), 20)
    assert 2 <= found.shape[0] <= 20 and 2 <= found.shape[1] <= 20
    if centre == (112, 112):
        assert np.array_equal(found, values[102:122, 102:122])


def test_the_oval_goes_from_the_brows_to_the_chin() -> None:
    rows, columns = np.nonzero(oval())
    assert (rows.min() + rows.max()) / 2 == pytest.approx(EYE_LINE + 0.62 * IED, abs=1)
    assert rows.max() - rows.min() == pytest.approx(2 * 1.12 * IED, abs=2)
    assert columns.max() - columns.min() == pytest.approx(2 * 0.94 * IED, abs=2)


def test_a_measure_is_taken_once_of_a_face_and_again_of_a_changed_one(grain: Image) -> None:
    calls = list[float]()

    @once
    def brightness(chip: FaceChip) -> float:
        calls.append(float(chip.grey.mean()))
        return calls[-1]

    chip = make_face_chip(PortraitImage(image=grain, width=224, height=224, faces=(FACE,), chosen=0))
    assert brightness(chip) == brightness(chip) == calls[0] and len(calls) == 1
    darker = replace(chip, grey=chip.grey - np.float32(10))
    assert brightness(darker) == pytest.approx(calls[0] - 10, abs=1e-3) and len(calls) == 2
