"""Rates and their intervals: against plain sums, and how often they hold the truth."""

import itertools
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.rates import PairSums, rate_of_pairs, rate_of_subjects, student, wilson


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


def test_the_jackknife_is_a_plain_loop() -> None:
    generator = np.random.default_rng(0)
    trials = generator.integers(1, 9, 40)
    errors = generator.binomial(trials, 0.2)
    left_out = [(errors.sum() - e) / (trials.sum() - t) for e, t in zip(errors, trials, strict=True)]
    variance = 39 / 40 * sum((value - np.mean(left_out)) ** 2 for value in left_out)
    share = errors.sum() / trials.sum()
    expected = wilson(share, min(trials.sum(), share * (1 - share) / variance), student((errors > 0).sum() + 4))
    rate = rate_of_subjects(errors, trials)
    assert (rate.low, rate.high) == pytest.approx(expected)


def test_the_variance_over_pairs_is_a_plain_double_sum() -> None:
    """The variance adds r r' over all two pairs of subjects that share somebody, each with itself included."""
    generator = np.random.default_rng(1)
    subjects = 12
    pairs = list(itertools.combinations(range(subjects), 2))
    own = generator.normal(size=subjects)
    matches = np.array([float(own[a] + own[b] + generator.normal() > 1.2) for a, b in pairs])
    share = matches.mean()
    r = matches - share
    variance = (
        sum(r[i] * r[j] for i, p in enumerate(pairs) for j, q in enumerate(pairs) if set(p) & set(q))
        / len(pairs) ** 2
    )
    by_subject = sum(sum(r[i] for i, p in enumerate(pairs) if s in p) ** 2 for s in range(subjects))
    involved = len({s for i, p in enumerate(pairs) if matches[i] for s in p})
    sums = PairSums(
        subjects=subjects,
        total=len(pairs),
        wrong=matches.sum(),
        by_subject=by_subject,
        by_pair=float((r**2).sum()),
        involved=involved,
    )
    expected = wilson(share, share * (1 - share) / variance, student(involved + 4))
    rate = rate_of_pairs(sums)
    assert variance > float((r**2).sum()) / len(pairs) ** 2
    assert (rate.low, rate.high) == pytest.approx(expected)


def test_no_error_gives_the_rule_of_three() -> None:
    assert rate_of_subjects(np.zeros(300), np.ones(300)).high == pytest.approx(3 / 300)
    assert rate_of_pairs(
        PairSums(subjects=300, total=44850.0, wrong=0.0, by_subject=0.0, by_pair=0.0, involved=0)
    ).high == pytest.approx(6 / 300)
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
