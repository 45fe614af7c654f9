"""Rates and their intervals: against plain sums, and how often they hold the truth."""

import itertools
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.rates import (
    Estimate,
    Moves,
    PairCounts,
    more_subjects,
    rate_of_pairs,
    rate_of_subjects,
    student,
    wilson,
    with_threshold_noise,
)


def test_students_quantiles() -> None:
    """Against the published table: 12.706, 2.571, 2.228, 2.086, 2.009, 1.962 for 1, 5, 10, 20, 50 and 1,000."""
    for freedom, value in (
        (1, 12.706),
        (5, 2.571),
        (10, 2.228),
        (11, 2.201),
        (20, 2.086),
        (50, 2.009),
        (1000, 1.962),
    ):
        assert student(freedom) == pytest.approx(value, abs=3e-3)


@given(st.integers(1, 500), st.data())
def test_wilson_solves_its_own_equation(trials: int, data: st.DataObject) -> None:
    """Its ends are the shares whose normal approximation is just rejected: |p - q| = z sqrt(q (1 - q) / n)."""
    share = data.draw(st.integers(0, trials)) / trials
    z = NormalDist().inv_cdf(0.975)
    for end in wilson(share, trials, z):
        if 1e-6 < end < 1 - 1e-6:
            assert abs(share - end) == pytest.approx(z * np.sqrt(end * (1 - end) / trials), abs=1e-9)


def test_a_rate_by_subject_is_the_plain_share() -> None:
    rate = rate_of_subjects(np.array([1, 0, 2]), np.array([4, 5, 2]))
    assert rate.value == 3 / 11 and rate.count == 11 and rate.low < rate.value < rate.high


def ends(
    share: float, left_out: Sequence[float], variance: float, trials: Sequence[float], *, of_pairs: bool = False
) -> tuple[float, float]:
    """The interval by plain loops, from the rate without each subject and the variance."""
    kish = sum(trials) ** 2 / sum(count**2 for count in trials)
    mean = sum(left_out) / len(left_out)
    squares = [(value - mean) ** 2 for value in left_out]
    unequal = sum(square**2 for square in squares) - sum(squares) ** 2 / len(squares)
    freedom = min(len(left_out) - 1, max(2.0, min(kish, 2 * sum(squares) ** 2 / unequal)))
    skewness = sum((mean - value) ** 3 for value in left_out) / sum(squares) ** 1.5 if of_pairs else 0.0
    quantile = student(freedom)
    reach = {
        side: min(1.75 * quantile, max(quantile, 3 / g * (1 - np.cbrt(1 - g * (quantile + g / 6)))))
        if g > 0
        else quantile
        for side, g in (("low", -skewness), ("high", skewness))
    }
    spread, middle = np.sqrt(variance) / (share * (1 - share)), np.log(share / (1 - share))
    low, high = middle - spread * reach["low"], middle + spread * reach["high"]
    heaviest = max(trials) / sum(trials) * (2 if of_pairs else 1)
    lowest = 1 - fay_feuer(1 - share, variance, heaviest)
    return max(lowest, 1 / (1 + np.exp(-low))), min(fay_feuer(share, variance, heaviest), 1 / (1 + np.exp(-high)))


def fay_feuer(share: float, variance: float, weight: float) -> float:
    """Equation 6 with the quantile of the gamma distribution that it names, from scipy."""
    stats = pytest.importorskip("scipy.stats")
    value, spread = share + weight, variance + weight**2
    return float(spread / (2 * value) * stats.chi2.ppf(0.975, 2 * value**2 / spread))


def test_the_jackknife_is_a_plain_loop() -> None:
    generator = np.random.default_rng(0)
    trials = generator.integers(1, 9, 40)
    errors = generator.binomial(trials, 0.2)
    left_out = [(errors.sum() - e) / (trials.sum() - t) for e, t in zip(errors, trials, strict=True)]
    variance = 39 / 40 * sum((value - np.mean(left_out)) ** 2 for value in left_out)
    share = errors.sum() / trials.sum()
    independent = share * (1 - share) / trials.sum()
    rate = rate_of_subjects(errors, trials)
    assert (rate.low, rate.high) == pytest.approx(ends(share, left_out, max(variance, independent), trials), rel=2e-3)


def test_the_variance_over_pairs_is_a_plain_double_sum() -> None:
    """The variance adds r r' over all two pairs of subjects that share somebody, each with itself included.

    Leaving a subject out moves the rate by n / (n - 2) of the subject's part, which the factor stands for.
    """
    generator = np.random.default_rng(1)
    size = 12
    pairs = list(itertools.combinations(range(size), 2))
    own = generator.normal(size=size)
    matches = np.array([float(own[a] + own[b] + generator.normal() > 1.2) for a, b in pairs])
    share = float(matches.mean())
    r = matches - share
    both = sum(r[i] * r[j] for i, p in enumerate(pairs) for j, q in enumerate(pairs) if set(p) & set(q))
    variance = size * (size - 1) / (size - 2) ** 2 * both / len(pairs) ** 2
    left_out = [
        float(np.mean([matches[i] for i, p in enumerate(pairs) if person not in p])) for person in range(size)
    ]
    rate = rate_of_pairs(
        PairCounts(
            subjects=size,
            total=len(pairs),
            wrong=matches.sum(),
            matches=np.array([sum(matches[i] for i, p in enumerate(pairs) if s in p) for s in range(size)]),
            comparisons=np.full(size, size - 1.0),
            by_pair=float((r**2).sum()),
        )
    )
    assert variance > float((r**2).sum()) / len(pairs) ** 2
    assert (rate.low, rate.high) == pytest.approx(
        ends(share, left_out, variance, [size - 1] * size, of_pairs=True), rel=2e-3
    )
    assert rate.missing == 18 and rate.interval is None


def test_the_other_side_of_a_rate_has_the_mirrored_interval() -> None:
    generator = np.random.default_rng(2)
    trials = generator.integers(1, 9, 60)
    errors = generator.binomial(trials, 0.05)
    wrong, right = rate_of_subjects(errors, trials), rate_of_subjects(trials - errors, trials)
    assert (1 - right.high, 1 - right.low) == pytest.approx((wrong.low, wrong.high))


def test_one_subject_that_makes_all_errors_gives_a_wide_interval() -> None:
    """The others are as many as before, but the rate rests on one person."""
    trials = np.full(100, 10)
    together, apart = np.zeros(100, int), np.zeros(100, int)
    together[3], apart[:10] = 10, 1
    one, ten = rate_of_subjects(together, trials), rate_of_subjects(apart, trials)
    assert one.value == ten.value and one.high > 2 * ten.high and one.low < ten.low / 3


def test_one_persons_misses_no_longer_reach_from_a_tenth_of_a_percent_to_nineteen() -> None:
    """One of 100 people misses half of the time: no end is beyond that of one more person who always does."""
    trials, errors = np.full(100, 10), np.zeros(100, int)
    errors[0] = 5
    rate = rate_of_subjects(errors, trials)
    assert rate.value == 0.005 and rate.high < 0.05
    exact = pytest.importorskip("scipy.stats").beta.ppf(0.975, 2, 99)
    errors[0] = 10
    assert rate_of_subjects(errors, trials).high == pytest.approx(exact, rel=0.05)


def test_too_few_people_get_no_interval_but_the_number_that_is_missing() -> None:
    nine = rate_of_subjects(np.array([1, 0, 2, 0, 1, 0, 0, 1, 0]), np.full(9, 4))
    ten = rate_of_subjects(np.array([1, 0, 2, 0, 1, 0, 0, 1, 0, 0]), np.full(10, 4))
    assert (nine.missing, nine.interval) == (1, None)
    assert (ten.missing, ten.interval) == (0, (ten.low, ten.high))
    assert rate_of_subjects(np.zeros(4), np.ones(4)).missing == 6


@given(st.lists(st.integers(1, 40), min_size=2, max_size=60), st.integers(2, 80))
def test_as_many_average_people_as_are_missing_are_just_enough(counts: list[int], wanted: int) -> None:
    def effective(more: int) -> float:
        trials = np.array([*counts, *[float(np.mean(counts))] * more])
        return float(trials.sum() ** 2 / (trials**2).sum())

    more = more_subjects(len(counts), effective(0), wanted)
    assert effective(more) >= wanted - 1e-6
    assert more == 0 or effective(more - 1) < wanted + 1e-6


def test_a_few_heavy_people_without_an_error_do_not_count_as_many() -> None:
    """The rule of three is of the effective number of people: two of fifty have nearly all comparisons."""
    trials = np.array([500.0, 500.0, *[1.0] * 48])
    assert rate_of_subjects(np.zeros(50), trials).high == 1.0


def test_the_noise_of_a_threshold_is_added_as_squares() -> None:
    fixed = Estimate(0.1, 0.07, 0.14, 500)
    found = with_threshold_noise(fixed, (0.06, 0.18), 0)
    assert (found.low, found.high) == pytest.approx((0.1 - np.hypot(0.03, 0.04), 0.1 + np.hypot(0.04, 0.08)))
    assert with_threshold_noise(fixed, (0.0, 1.0), 5).interval is None


def test_no_error_gives_the_rule_of_three() -> None:
    assert rate_of_subjects(np.zeros(300), np.ones(300)).high == pytest.approx(3 / 300)
    nobody = PairCounts(
        subjects=300, total=44850.0, wrong=0.0, matches=np.zeros(300), comparisons=np.full(300, 299.0), by_pair=0.0
    )
    assert rate_of_pairs(nobody).high == pytest.approx(6 / 300)
    assert rate_of_subjects(np.ones(300), np.ones(300)).low == pytest.approx(1 - 3 / 300)


def test_no_trials_is_no_rate() -> None:
    rate = rate_of_subjects(np.zeros(3), np.zeros(3))
    assert np.isnan(rate.value) and (rate.low, rate.high, rate.count) == (0.0, 1.0, 0)


@pytest.mark.parametrize(("subjects", "largest", "spread", "mean"), [(150, 6, 1.0, -2.5), (400, 3, 1.5, -4.5)])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(
    subjects: int, largest: int, spread: float, mean: float
) -> None:
    """600 sets of people; benchmarks/coverage.py does it at length."""
    generator = np.random.default_rng(5)
    truth = float((1 / (1 + np.exp(-(mean + spread * generator.standard_normal(1_000_000))))).mean())
    held = 0
    for _ in range(600):
        trials = generator.integers(1, largest + 1, subjects)
        errors = generator.binomial(trials, 1 / (1 + np.exp(-(mean + spread * generator.standard_normal(subjects)))))
        rate = rate_of_subjects(errors, trials)
        held += rate.low <= truth <= rate.high
    assert 0.92 <= held / 600 <= 0.985


def test_a_rate_of_pairs_of_two_people_has_a_variance() -> None:
    """`mien evaluate mated` on a folder of two people ended with a division by zero."""
    moves = Moves(each=np.array([3.0, -3.0]), subjects=2, effective=2.0, twice=1.7, heaviest=1.0, share=1.0)
    assert moves.variance == pytest.approx(1 / 2 * 18.0)
