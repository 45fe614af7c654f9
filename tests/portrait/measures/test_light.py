"""Light on chips whose light is known, by plain loops."""

import math
from collections import Counter

import numpy as np
import pytest

from mien.portrait.measures import light
from mien.portrait.measures.face_chip import CHIP, OVAL, SRGB, luminance


def two_sided(left: int, right: int) -> np.ndarray:
    chip = np.full((CHIP, CHIP, 3), left, np.uint8)
    chip[:, CHIP // 2 :] = right
    return chip


def test_luminance_is_linear_light_by_the_standards_weights() -> None:
    pixel = np.array([[[200, 100, 50]]], np.uint8)
    linear = [(v / 255 / 12.92) if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in (200, 100, 50)]
    assert luminance(pixel)[0, 0] == pytest.approx(
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2], abs=1e-5
    )
    assert SRGB[255] == pytest.approx(1)
    assert SRGB[0] == 0


def test_shares_mean_and_variance_by_plain_loops(seen) -> None:
    draw = np.random.default_rng(2)
    chip = np.repeat(draw.integers(0, 256, (CHIP, CHIP, 1)), 3, axis=2).astype(np.uint8)
    chip = seen(chip)
    values = [float(chip.light.reshape(-1)[place]) for place in OVAL]
    assert light.dark_share(chip) == pytest.approx(sum(v * 255 <= 25 for v in values) / len(values))
    assert light.bright_share(chip) == pytest.approx(sum(v * 255 >= 247 for v in values) / len(values))
    mean = sum(values) / len(values)
    assert light.mean(chip) == pytest.approx(mean, rel=1e-4)
    assert light.variance(chip) == pytest.approx(sum((v - mean) ** 2 for v in values) / len(values), rel=1e-3)
    counts = Counter(int(v * (256 - 1e-3)) for v in values)
    entropy = -sum(n / len(values) * math.log2(n / len(values)) for n in counts.values())
    assert light.dynamic_range(chip) == pytest.approx(entropy, abs=1e-3)


def test_even_light_has_ratios_of_one(seen, grain) -> None:
    chip = seen(np.full_like(grain, 150))
    assert light.sides(chip) == pytest.approx(1)
    assert light.four_zones(chip) == pytest.approx(1)
    assert light.uniformity(chip) == pytest.approx(1)
    assert light.dynamic_range(chip) == pytest.approx(0)


def test_light_from_one_side_is_told_by_how_much(seen) -> None:
    chip = seen(two_sided(200, 100))
    assert light.sides(chip) == pytest.approx((SRGB[100] + 1e-3) / (SRGB[200] + 1e-3), rel=0.02)
    assert light.four_zones(chip) == pytest.approx(0.5, abs=0.02)
    assert light.uniformity(chip) == 0
    assert light.sides(seen(two_sided(100, 200))) == pytest.approx(light.sides(chip), rel=0.02)


def test_the_zones_are_those_of_the_standard(seen, grain) -> None:
    chip = seen(grain)
    places = chip.zones
    eyes, mouth = chip.points[:2].mean(axis=0), chip.points[3:].mean(axis=0)
    assert places["forehead"] == pytest.approx(eyes - (mouth - eyes) / 2)
    assert places["chin"] == pytest.approx(mouth + (mouth - eyes) / 2)
    assert places["left cheek"][0] == pytest.approx(chip.points[0, 0], abs=1)
