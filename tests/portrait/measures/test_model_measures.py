"""What is read from a portrait model's answer: points, classes, angles and scores with known values."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.portrait.measures import model_measures as module
from mien.portrait.measures.face_chip import CHIP, FaceChip
from mien.portrait.measures.framing import head_length
from mien.types import Floats, Image, floats

Chips = Callable[..., FaceChip]


@pytest.fixture
def chip(seen: Callable[[Image], FaceChip], grain: Image) -> Chips:
    plain = seen(grain)

    def make(**extra: object) -> FaceChip:
        return replace(plain, extra={name: floats(value) for name, value in extra.items()})

    return make


def ring(x: float, y: float, across: float, high: float, count: int) -> Floats:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return floats(np.column_stack([x + across / 2 * np.cos(turn), y + high / 2 * np.sin(turn)]))


@pytest.mark.parametrize("name", ["eyes_open", "mouth_open", "head_covering", "background", "model_quality"])
def test_without_a_model_there_is_no_value(chip: Chips, name: str) -> None:
    assert getattr(module, name)(chip()) is None


def test_without_a_model_the_pose_is_that_of_the_landmarks(chip: Chips) -> None:
    plain = chip()
    assert module.pose(plain) is plain.pose
    found = module.pose(chip(pose=[12, -7, 3]))
    assert [angle.value for angle in (found.yaw, found.pitch, found.roll)] == [12, -7, 3]
    assert {angle.sd for angle in (found.yaw, found.pitch, found.roll)} == {module.POSE_SD} == {5.0}


@pytest.mark.parametrize("layout", [68, 98, 106])
def test_the_narrower_eye_counts_over_the_head(chip: Chips, layout: int) -> None:
    points = np.zeros((layout, 2), np.float32)
    left, right = module.EYES[layout]
    # How far a ring of so many points reaches of its height.
    reach = {6: np.sin(np.pi / 3), 8: 1.0, 10: np.sin(2 * np.pi / 5)}[len(left)]
    points[list(left)], points[list(right)] = (ring(80, 88, 30, high, len(left)) for high in (6.0, 10.0))
    points[list(right)] += (64, 0)
    points[module.CHIN[layout]] = (112, 188)
    assert module.eyes_open(chip(landmarks=points)) == pytest.approx(6 * reach / 100, rel=0.01)


def test_a_layout_without_a_known_chin_takes_the_head_of_the_five_landmarks(
    chip: Chips, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = np.zeros((68, 2), np.float32)
    points[36:42], points[42:48] = ring(80, 88, 30, 6, 6), ring(144, 88, 30, 8, 6)
    monkeypatch.delitem(module.CHIN, 68)
    expected = 6 * np.sin(np.pi / 3) / head_length(chip())
    assert module.eyes_open(chip(landmarks=points)) == pytest.approx(expected, rel=0.01)


def test_a_turned_eye_is_as_open(chip: Chips) -> None:
    points = np.zeros((68, 2), np.float32)
    points[36:42], points[42:48], points[8] = ring(80, 88, 30, 6, 6), ring(144, 88, 30, 8, 6), (112, 188)
    c, s = np.cos(0.5), np.sin(0.5)
    turned = points @ floats([[c, s], [-s, c]])
    level, tilted = (module.eyes_open(chip(landmarks=each)) for each in (points, turned))
    assert level == pytest.approx(tilted, rel=1e-4)


def test_the_mouth_is_read_where_the_layout_has_inner_lips(chip: Chips) -> None:
    points = np.zeros((68, 2), np.float32)
    points[36:42], points[42:48], points[8] = ring(80, 88, 30, 6, 6), ring(144, 88, 30, 8, 6), (112, 188)
    points[60:68] = ring(112, 160, 40, 12, 8)
    assert module.mouth_open(chip(landmarks=points)) == pytest.approx(12 / 100, rel=0.01)
    assert module.mouth_open(chip(landmarks=np.zeros((106, 2)))) is None
    assert module.eyes_open(chip(landmarks=np.zeros((29, 2)))) is None


def test_covering_is_the_share_of_the_head_above_the_chin(chip: Chips) -> None:
    classes = np.ones((CHIP, CHIP), np.float32)
    classes[:, :24] = module.BACKGROUND
    classes[:20, 24:] = module.HAT
    classes[20:30, 24:] = module.CLOTH
    classes[200:] = module.HAT
    assert module.head_covering(chip(parsing=classes)) == pytest.approx(30 / (CHIP * 4 // 5))
    assert module.head_covering(chip(parsing=np.zeros((CHIP, CHIP)))) == 0


def test_the_background_is_measured_where_it_is_wide_enough(chip: Chips) -> None:
    classes = np.ones((CHIP, CHIP), np.float32)
    assert module.background(chip(parsing=classes)) is None
    classes[:, 10:70] = module.BACKGROUND
    slope = floats(np.tile(3.0 * np.arange(CHIP), (CHIP, 1)))
    sloped = replace(chip(parsing=classes), grey=slope)
    # Sobel's 3x3 kernel gives eight times the difference of neighbours.
    assert module.background(sloped) == pytest.approx(8 * 3.0)
    assert module.background(replace(sloped, grey=floats(np.zeros((CHIP, CHIP))))) == 0


def test_a_score_is_taken_as_it_is(chip: Chips) -> None:
    assert module.model_quality(chip(quality=[[37.5]])) == 37.5


def test_qualities_are_those_of_the_formulas() -> None:
    def sigmoid(x: float, x0: float, w: float) -> float:
        return float(1 / (1 + np.exp((x0 - x) / w)))

    for value in (0.0, 0.01, 0.02, 0.1, 0.5):
        assert module.eyes_quality(value) == pytest.approx(100 * sigmoid(value, 0.02, 0.01))
        assert module.mouth_quality(value) == pytest.approx(100 * (1 - sigmoid(value, 0.2, 0.06)))
        assert module.covering_quality(value) == pytest.approx(max(0, 100 * (1 - value / 0.95)))
        assert module.background_quality(value * 100) == pytest.approx(
            min(100, max(0, 190 * (1 - sigmoid(value * 100, 10, 100))))
        )
    assert module.covering_quality(1) == 0
