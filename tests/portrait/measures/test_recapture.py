"""Enlarged images, screens, prints, paper borders and stamps."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.portrait.measures import recapture
from mien.portrait.measures.face_chip import make_face_chip
from mien.types import Image, floats


def enlarged(image: Image, points: np.ndarray, much: float) -> Image:
    height, width = image.shape[:2]
    small = cv2.resize(image, (round(width / (1 + much)), round(height / (1 + much))), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def screened(image: Image, points: np.ndarray, much: float) -> Image:
    rows = np.arange(image.shape[0])[:, None, None] + 0.05 * np.arange(image.shape[1])[None, :, None]
    return np.clip(image * (1 - 0.08 * much * (0.5 + 0.5 * np.cos(2 * np.pi * rows / 4.3))), 0, 255).astype(np.uint8)


def printed(image: Image, points: np.ndarray, much: float) -> Image:
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    dots = np.cos(2 * np.pi * (rows + columns) / 6.2) + np.cos(2 * np.pi * (rows - columns) / 6.2)
    return np.clip(image + 6 * much * dots[..., None], 0, 255).astype(np.uint8)


FAULTS: dict[str, tuple[Callable, Callable, int]] = {
    "enlarging": (enlarged, recapture.enlargement, 1),
    "a screen": (screened, recapture.screen, 1),
    "a print": (printed, recapture.halftone, 1),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["hopper_examined", "collins_examined"])
def test_a_measure_follows_its_fault(request, follows, who: str, fault: str) -> None:
    apply, measure, sign = FAULTS[fault]
    follows(request.getfixturevalue(who), apply, measure, sign)


def test_good_portraits_have_no_coverings_or_reproductions(hopper_examined, collins_examined) -> None:
    for one in (hopper_examined, collins_examined):
        found = {name: m.value for name, m in one.measures.items()}
        assert found["mask"] < 0.1
        assert found["dark_lenses"] < 0.4
        assert found["glare"] < 0.02
        assert max(found["halftone"], found["screen"]) < 9
        assert found["enlargement"] < 1.5
        assert found["paper_border"] == 0
        assert found["stamp"] < 0.4


def bordered(image: Image, wide: int) -> Image:
    return cv2.copyMakeBorder(image, wide, wide, wide, wide, cv2.BORDER_CONSTANT, value=(248, 246, 240))


def test_a_paper_border_is_measured(shown, collins: Image) -> None:
    for wide in (16, 40, 80):
        made = bordered(collins, wide)
        inner = 512 * 512 / made.shape[0] / made.shape[1]
        assert recapture.border(shown(made)) == pytest.approx(1 - inner, abs=0.04)


def test_a_white_wall_is_no_paper_border(shown, collins: Image) -> None:
    walled = collins.copy()
    walled[:300, :150] = walled[:300, 380:] = walled[:40] = 245
    assert recapture.border(shown(walled)) == 0


def test_a_stamp_is_a_ring_of_ink_and_red_clothes_are_none(shown, hopper: Image) -> None:
    stamped, dressed = hopper.copy(), hopper.copy()
    for radius in (80, 55):
        cv2.circle(stamped, (380, 460), radius, (205, 35, 45), 7)
    cv2.circle(dressed, (256, 560), 150, (205, 35, 45), -1)
    assert recapture.stamp(shown(stamped)) > 0.5
    assert recapture.stamp(shown(dressed)) < 0.5
    blue = stamped[..., ::-1].copy()
    assert recapture.stamp(shown(blue)) > 0.5


def test_patterns_need_a_spectrum_of_some_size(shown, hopper_examined) -> None:
    portrait = hopper_examined.portrait
    small = cv2.resize(portrait.image, None, fx=0.15, fy=0.15, interpolation=cv2.INTER_AREA)
    face = replace(portrait.face, landmarks=portrait.face.landmarks * np.float32(0.15))
    assert make_face_chip(replace(shown(small), faces=(face,), chosen=0)).peaks is None


def test_a_pattern_along_the_rows_is_a_screens_and_a_slanted_one_a_printers(climb, hopper_examined) -> None:
    """15 degrees from an axis divide them; both are far above what a portrait has by itself."""
    lines = [climb(hopper_examined, screened, measure)[-1] for measure in (recapture.screen, recapture.halftone)]
    dots = [climb(hopper_examined, printed, measure)[-1] for measure in (recapture.screen, recapture.halftone)]
    slanted = [climb(hopper_examined, aslant, measure)[-1] for measure in (recapture.screen, recapture.halftone)]
    assert lines[0] > 14 > lines[1]
    assert dots[1] > 14
    assert slanted[1] > 14 > slanted[0]


def aslant(image: Image, points: np.ndarray, much: float) -> Image:
    """Lines at 25 degrees."""
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    along = rows * np.cos(np.radians(25)) + columns * np.sin(np.radians(25))
    return np.clip(image + 8 * much * np.cos(2 * np.pi * along / 4.3)[..., None], 0, 255).astype(np.uint8)


def test_circles_cover_ink_as_plain_loops_find_it_beyond_the_border_too() -> None:
    ink = np.random.default_rng(1).random((40, 50)) < 0.3
    centres, radii = floats([[3.3, 4.1], [25.2, 20.4], [48.6, 38.7]]), np.arange(3, 9)
    covered, around = recapture._covered(ink, centres, radii)
    for place, (x, y) in enumerate(centres):
        hits = np.zeros((len(radii), 72), bool)
        for step, radius in enumerate(radii):
            for angle in range(72):
                turn = 2 * np.pi * angle / 72
                column, row = round(x + radius * np.cos(turn)), round(y + radius * np.sin(turn))
                hits[step, angle] = 0 <= row < 40 and 0 <= column < 50 and ink[row, column]
        assert covered[place] == pytest.approx(hits.mean(axis=1), abs=1e-6)
        joined = hits[:-2] | hits[1:-1] | hits[2:]
        assert around[place, 1:-1] == pytest.approx(joined.mean(axis=1), abs=1e-6)
