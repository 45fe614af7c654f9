"""How far rates move without each subject: against sets that really lack one."""

import numpy as np
import pytest

from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.moves import at_rate, equal_error_moves, fmr_moves, fnmr_moves
from mien.pairwise.operating_points import equal_error
from mien.pairwise.rates_at import fmr_at, fnmr_at, threshold_at
from mien.types import Floats, floats


@pytest.fixture(scope="module")
def people() -> tuple[Floats, np.ndarray]:
    """40 people with 1 to 9 samples each, some of whom look like one another."""
    generator = np.random.default_rng(3)
    numbers = np.repeat(np.arange(40), generator.integers(1, 10, 40))
    centres = generator.normal(size=(40, 16))
    centres[:, 0] += 1.5 * generator.random(40)
    return floats(centres[numbers] + 0.9 * generator.normal(size=(len(numbers), 16))), numbers


@pytest.fixture(scope="module")
def everybody(people: tuple[Floats, np.ndarray]) -> PairStatistics:
    return compare_all(*people, "cosine")


def without(people: tuple[Floats, np.ndarray], subject: int) -> PairStatistics:
    kept = people[1] != subject
    return compare_all(people[0][kept], people[1][kept], "cosine")


def test_moves_are_those_of_sets_that_lack_a_person(
    people: tuple[Floats, np.ndarray], everybody: PairStatistics
) -> None:
    limit = threshold_at(everybody, 1e-2)
    left = [without(people, subject) for subject in range(40)]
    moved = fmr_moves(everybody, limit)
    assert moved is not None
    rates = np.array([fmr_at(one, limit).value for one in left])
    np.testing.assert_allclose(moved.each, rates - rates.mean(), atol=1e-9)
    missed = np.array([fnmr_at(one, limit).value for one in left])
    able = np.bincount(people[1]) > 1
    np.testing.assert_allclose(fnmr_moves(everybody, limit).each[able], missed[able] - missed[able].mean(), atol=1e-9)


def test_the_threshold_moves_with_the_people(people: tuple[Floats, np.ndarray], everybody: PairStatistics) -> None:
    """FNMR at a wanted FMR, with the threshold chosen again on each smaller set; the moves are its first term."""
    again = []
    for subject in range(40):
        one = without(people, subject)
        again.append(fnmr_at(one, threshold_at(one, 3e-2)).value)
    real, expected = np.array(again) - np.mean(again), at_rate(everybody, 3e-2).moves
    assert np.corrcoef(real, expected.each)[0, 1] > 0.9
    assert (expected.each**2).sum() == pytest.approx((real**2).sum(), rel=0.3)
    fixed = fnmr_at(everybody, threshold_at(everybody, 3e-2))
    wide = at_rate(everybody, 3e-2).fnmr
    assert wide.value == fixed.value and wide.low < fixed.low and wide.high > fixed.high


def test_the_price_is_the_slope_of_one_rate_over_the_other(everybody: PairStatistics) -> None:
    strict, loose = (fnmr_at(everybody, threshold_at(everybody, rate)).value for rate in (1.5e-2, 6e-2))
    assert at_rate(everybody, 3e-2).price == pytest.approx((strict - loose) / 4.5e-2, rel=0.35)


def test_the_equal_error_rate_moves_less_than_either(everybody: PairStatistics) -> None:
    crossing = equal_error(everybody)
    assert crossing is not None
    moved = equal_error_moves(everybody, crossing.rate.value)
    assert moved.variance < at_rate(everybody, crossing.rate.value).moves.variance
    assert crossing.rate.low < crossing.rate.value < crossing.rate.high


def test_matches_that_are_not_kept_move_as_their_interval_says(people: tuple[Floats, np.ndarray]) -> None:
    few = compare_all(*people, "cosine", keep=50)
    assert fmr_moves(few, threshold_at(few, 0.2)) is None
    assert at_rate(few, 0.2).fnmr.high >= fnmr_at(few, threshold_at(few, 0.2)).high
