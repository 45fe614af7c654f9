"""Every corruption: repeatable, worse by severity, in the place of the face, and one line of the table."""

import numpy as np
import pytest

from mien.detect.families import open_detector
from mien.evaluate.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.evaluate.trials import Original, run_trials
from mien.types import Image, floats


@pytest.fixture(scope="module")
def points(collins: Image) -> np.ndarray:
    return open_detector().detect([collins])[0][0].landmarks


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_transform_is_repeatable_and_gets_worse(name: str, collins: Image, points: np.ndarray) -> None:
    before = collins.copy()
    copies = [corrupt(collins, points, name, severity, 3) for severity in SEVERITIES]
    assert (collins == before).all(), "the photograph itself is left alone"
    for severity, copy in zip(SEVERITIES, copies, strict=True):
        assert copy.shape == collins.shape and copy.dtype == np.uint8
        assert (copy == corrupt(collins, points, name, severity, 3)).all()
    left, top = points.min(axis=0).astype(int) - 30
    right, bottom = points.max(axis=0).astype(int) + 30
    face = collins[top:bottom, left:right].astype(float)
    changes = [np.abs(copy[top:bottom, left:right] - face).mean() for copy in copies]
    assert changes[0] > 0.3 and changes[4] > 1.5 * changes[0], changes


@pytest.mark.parametrize("name", ["noise", "motion", "rotation", "glasses", "print and scan"])
def test_another_seed_gives_another_copy(name: str, collins: Image, points: np.ndarray) -> None:
    copies = [corrupt(collins, points, name, 3, seed) for seed in range(6)]
    assert any((copy != copies[0]).any() for copy in copies[1:])


def test_glasses_and_masks_lie_on_the_landmarks(collins: Image, points: np.ndarray) -> None:
    for name, place in (("glasses", points[0]), ("mask", points[3:].mean(axis=0))):
        copy = corrupt(collins, points, name, 5, 0).astype(int)
        x, y = place.round().astype(int)
        patch = slice(y - 8, y + 9), slice(x - 8, x + 9)
        assert np.abs(copy[patch].mean() - collins[patch].mean()) > 12, name
        assert (copy[:40] == collins[:40]).all(), "the sky above is untouched"


def test_severities_follow_the_face_not_the_file(collins: Image, points: np.ndarray) -> None:
    """A picture of twice the size, blurred and shrunk again, looks like the blurred one."""
    import cv2

    twice = cv2.resize(collins, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    large = cv2.resize(corrupt(twice, points * 2, "blur", 4, 0), collins.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(large.astype(int) - corrupt(collins, points, "blur", 4, 0)).mean() < 2


def test_a_new_corruption_is_one_line_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CORRUPTIONS, "made up", lambda image, landmarks, severity, generator: image + severity)
    seen: list[Image] = []
    points = floats([[30, 40], [80, 40], [55, 70], [40, 90], [70, 90]])

    def keep(images: list[Image]) -> list[np.ndarray | None]:
        seen.extend(images)
        return [None] * len(images)

    trials = run_trials([Original(np.zeros((112, 112, 3), np.uint8), points, floats([1]), 0)], keep, "cosine")
    assert trials.names[-1] == "made up" and trials.similarity.shape == (1, len(CORRUPTIONS), 5)
    assert [image.max() for image in seen[-5:]] == [1, 2, 3, 4, 5]
