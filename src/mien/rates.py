"""Error rates with 95% intervals by subject: FNMR over mated comparisons, FMR over non-mated ones.

Terms as in ISO/IEC 19795-1. Comparisons that share a subject are not independent, so an interval starts from a
variance that takes subjects, not comparisons, as what was drawn: for FNMR the leave-one-subject-out (jackknife)
variance of a ratio, for FMR the variance of a sum over pairs of subjects. The comparisons are then worth as many
independent ones as would have this variance, and the interval is Wilson's for that many, with Student's t for the few
subjects that an error rests on. Without any error the upper end is the rule of three over subjects.
benchmarks/coverage.py shows how often this covers the truth, next to the percentile bootstrap (decisions/0006).
Chooses no threshold and makes no decision.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Doubles = NDArray[np.float64]

Z = 1.959963984540054
"""The normal quantile of 97.5%."""
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's quantile of 97.5% for 1 to 10 degrees of freedom."""


FEW = 4
"""Degrees of freedom beyond the subjects that have an error; chosen for coverage by simulation (docs/log.md)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95% interval; `count` is how many comparisons, faces or images it was counted in."""

    value: float
    low: float
    high: float
    count: int


def student(freedom: float) -> float:
    """Student's quantile of 97.5%, from a table up to 10 degrees of freedom, then to 3e-3 by its series in 1/df."""
    if freedom <= len(STUDENT):
        return STUDENT[max(1, int(freedom)) - 1]
    return Z + (Z**3 + Z) / (4 * freedom) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)


def wilson(share: float, trials: float, quantile: float = Z) -> tuple[float, float]:
    """Wilson's score interval of a share in a number of independent trials, which need not be whole."""
    square = quantile * quantile
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    half = quantile * sqrt(share * (1 - share) / trials + square / (4 * trials * trials)) / (1 + square / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def rate_of_subjects(errors: Doubles | Indices, trials: Doubles | Indices) -> Estimate:
    """A rate over comparisons that each belong to one subject, such as FNMR.

    Args:
        errors: (S,) errors of each subject.
        trials: (S,) comparisons of each subject.

    Returns:
        The rate of all errors in all trials; NaN with the interval 0..1 where there are no trials.
    """
    kept = trials > 0
    errors, trials = errors[kept].astype(np.float64), trials[kept].astype(np.float64)
    total, wrong, subjects = float(trials.sum()), float(errors.sum()), len(trials)
    if not total:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    share = wrong / total
    if subjects < 2 or share in (0.0, 1.0):
        return _one_sided(share, 3 / subjects, round(total))
    others = (wrong - errors) / np.maximum(total - trials, 1e-300)
    variance = (subjects - 1) / subjects * float(((others - others.mean()) ** 2).sum())
    return _interval(share, variance, total, int((errors > 0).sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSums:
    """What the matches among pairs of subjects add up to; r is a pair's matches less those expected at the rate.

    Attributes:
        subjects: how many there are.
        total: all comparisons.
        wrong: all matches.
        by_subject: sum over subjects of (sum of r over the subject's pairs)^2.
        by_pair: sum over pairs of r^2.
        involved: subjects that take part in a match.
    """

    subjects: int
    total: float
    wrong: float
    by_subject: float
    by_pair: float
    involved: int


def rate_of_pairs(sums: PairSums) -> Estimate:
    """A rate over comparisons that each belong to two subjects, such as FMR.

    The variance of the sum of all r is the sum of its covariances: those of pairs that share a subject, `by_subject`,
    in which every pair is counted twice, so `by_pair` is taken off once (Aronow, Samii and Assenova, Political
    Analysis 23(4), 2015). It is at least that of independent pairs.
    """
    share = sums.wrong / sums.total
    if share in (0.0, 1.0) or sums.subjects < 3:
        return _one_sided(share, 6 / max(1, sums.subjects), round(sums.total))
    variance = max(sums.by_subject - sums.by_pair, sums.by_pair) / sums.total**2
    return _interval(share, variance, sums.total, sums.involved)


def _interval(share: float, variance: float, total: float, involved: int) -> Estimate:
    worth = min(total, share * (1 - share) / variance) if variance > 0 else total
    low, high = wilson(share, worth, student(involved + FEW))
    return Estimate(share, low, high, round(total))


def _one_sided(share: float, rule_of_three: float, total: int) -> Estimate:
    """Nothing but right or nothing but wrong, or a single subject, which says no more than the rule of three."""
    reach = min(1.0, rule_of_three)
    return Estimate(share, max(0.0, share - reach), min(1.0, share + reach), total)
