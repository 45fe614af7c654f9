"""Glasses and dark lenses, drawn into two real portraits."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from mien.portrait.measures import occlusion
from mien.types import Image


def spectacled(image: Image, points: np.ndarray, much: float) -> Image:
    drawn, far = image.copy(), ied(points)
    for x, y in points[:2]:
        cv2.ellipse(
            drawn,
            (round(x), round(y)),
            (round(0.4 * far), round(0.3 * far)),
            0,
            0,
            360,
            (30, 30, 30),
            round(far / 25),
        )
    (a, b), (c, d) = points[:2]
    cv2.line(drawn, (round(a + 0.4 * far), round(b)), (round(c - 0.4 * far), round(d)), (30, 30, 30), round(far / 25))
    return cv2.addWeighted(image, 1 - much / 4, drawn, much / 4, 0)


def shaded(image: Image, points: np.ndarray, much: float) -> Image:
    drawn, far = image.copy(), ied(points)
    for x, y in points[:2]:
        cv2.ellipse(drawn, (round(x), round(y)), (round(0.42 * far), round(0.34 * far)), 0, 0, 360, (8, 8, 10), -1)
    return cv2.addWeighted(image, 1 - much / 4, drawn, much / 4, 0)


def ied(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[1] - points[0]))


FAULTS: dict[str, tuple[Callable, Callable, int]] = {
    "glasses": (spectacled, occlusion.glasses, 1),
    "dark lenses": (shaded, occlusion.dark_lenses, 1),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["hopper_examined", "collins_examined"])
def test_a_measure_follows_its_fault(request, follows, who: str, fault: str) -> None:
    apply, measure, sign = FAULTS[fault]
    follows(request.getfixturevalue(who), apply, measure, sign)


def test_hopper_wears_glasses_and_collins_does_not(hopper_examined, collins_examined) -> None:
    assert hopper_examined.measures["glasses"].value > 7 > collins_examined.measures["glasses"].value
