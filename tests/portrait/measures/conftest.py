"""What tests of measures share: faults drawn into real portraits in four steps, the face's place being known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.portrait.examine import Examined
from mien.portrait.measures.face_chip import PortraitImage, make_face_chip
from mien.types import Image


@pytest.fixture(scope="session")
def climb() -> Callable[..., list[float]]:
    """What a measure gives without a fault and for four severities of it.

    A fault is a function of the image, the landmarks and the severity, 1 to 4.
    """

    def take(one: Examined, fault: Callable[..., Image], measure: Callable) -> list[float]:
        portrait, found = one.portrait, []
        for much in (0, 1, 2, 3, 4):
            image = fault(portrait.image, portrait.face.landmarks, much) if much else portrait.image
            found.append(measure(make_face_chip(replace(portrait, image=np.asarray(image)))))
        return found

    return take


@pytest.fixture(scope="session")
def follows(climb: Callable[..., list[float]]) -> Callable[..., None]:
    """Asserts that a measure never turns back as its fault grows, and ends beyond its beginning."""

    def check(one: Examined, fault: Callable[..., Image], measure: Callable, sign: int) -> None:
        values = np.array(climb(one, fault, measure)) * sign
        assert (np.diff(values[1:]) > -1e-3 * np.ptp(values)).all(), values
        assert values[-1] > values[0], values

    return check


@pytest.fixture(scope="session")
def shown() -> Callable[[Image], PortraitImage]:
    """An image without a face."""
    return lambda image: PortraitImage(image=image, width=image.shape[1], height=image.shape[0])
