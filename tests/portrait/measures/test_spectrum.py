"""The spectrum and the noise of pictures whose spectrum and noise are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.portrait.measures.spectrum import BANDS, by_band, deviation, half_power, layout, power, quick_side, window
from mien.types import floats


@pytest.mark.parametrize("side", [64, 120, 256])
def test_white_noise_has_its_variance_at_every_frequency(side: int) -> None:
    grey = floats(np.random.default_rng(0).normal(100, 3, (side, side)))
    assert by_band(power(grey))[4:60].mean() == pytest.approx(9, rel=0.1)


def test_a_wave_has_its_power_at_its_frequency() -> None:
    rows, columns = np.mgrid[0:128, 0:128]
    spectrum = power(floats(100 + 50 * np.sin(2 * np.pi * (16 * columns + 8 * rows) / 128)))
    row, column = np.unravel_index(int(spectrum.argmax()), spectrum.shape)
    assert (min(row, 128 - row), min(column, 128 - column)) == (8, 16)


def test_rings_are_counted_as_plain_loops_count_them() -> None:
    rings = layout(32)
    counts = [0] * (BANDS + 1)
    for y in range(32):
        for x in range(32):
            fx, fy = (min(v, 32 - v) / 16 for v in (x, y))
            counts[min(int(np.hypot(fx, fy) * BANDS), BANDS)] += 1
    assert rings.sizes.tolist() == counts


@given(st.integers(1, 400))
def test_a_quick_side_is_no_larger_and_divides_into_small_primes(side: int) -> None:
    quick = quick_side(side)
    assert quick <= side
    for prime in (2, 3, 5):
        while side >= 32 and quick % prime == 0:
            quick //= prime
    assert side < 32 or quick == 1


@pytest.mark.parametrize("sigma", [1.0, 4.0, 15.0])
def test_the_deviation_of_noise_is_found_beside_edges(sigma: float) -> None:
    draw = np.random.default_rng(1)
    rows, columns = np.mgrid[0:200, 0:200]
    picture = 90 + 40 * np.sin(columns / 25) + 30 * (rows > 120)
    assert deviation(floats(picture + draw.normal(0, sigma, picture.shape))) == pytest.approx(sigma, rel=0.2)


def test_a_black_picture_has_no_noise() -> None:
    assert deviation(np.zeros((64, 64), np.float32)) == 0


@given(st.sampled_from([*range(2, 40), 96, 144, 192]), st.integers(0, 99))
def test_the_power_is_that_of_the_whole_complex_transform(side: int, seed: int) -> None:
    grey = floats(np.random.default_rng(seed).uniform(0, 255, (side, side)))
    taper = window(side).astype(np.float64)
    expected = np.abs(np.fft.fft2((grey - grey.mean()) * taper)) ** 2 / (taper**2).sum()
    assert power(grey) == pytest.approx(expected, rel=1e-3, abs=1e-4 * float(expected.max()) + 1e-6)
    assert half_power(grey) == pytest.approx(power(grey)[:, : side // 2 + 1], rel=1e-6)


@pytest.mark.parametrize("side", [31, 64])
def test_rings_have_the_mean_of_all_frequencies_as_plain_loops_take_it(side: int) -> None:
    spectrum = power(floats(np.random.default_rng(2).uniform(0, 255, (side, side))))
    found: list[list[float]] = [[] for _ in range(BANDS + 1)]
    for y in range(side):
        for x in range(side):
            fx, fy = (min(v, side - v) / side * 2 for v in (x, y))
            found[min(int(np.hypot(fx, fy) * BANDS), BANDS)].append(float(spectrum[y, x]))
    assert by_band(spectrum) == pytest.approx([np.mean(one) if one else 0 for one in found[:BANDS]], rel=1e-4)
