"""Error rates with 95% intervals by subject: FNMR over mated comparisons, FMR over non-mated ones.

Terms as in ISO/IEC 19795-1. Comparisons that share a subject are not independent, so an interval rests on how far the
rate moves when one subject is left out (the jackknife), not on the number of comparisons. Where each comparison
belongs to two subjects, their sum counts each pair of subjects twice, which is taken off (Aronow, Samii and Assenova,
Political Analysis 23(4), 2015). The interval is taken on the scale of the logit, since small rates spread by
factors; with Student's t, whose degrees of freedom are those that the subjects' moves themselves show
(Satterthwaite); and the end towards which a few subjects pull is set farther out (Hall, JRSS B 54(1), 1992). Without
any error the upper end is the rule of three over subjects. How often this holds the truth is in
benchmarks/coverage.py and decisions/0019. Chooses no threshold and makes no decision.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cbrt, exp, inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Doubles = NDArray[np.float64]

Z = 1.959963984540054
"""The normal quantile of 97.5%."""
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's quantile of 97.5% for 1 to 10 degrees of freedom."""


STEP = 0.25
"""Logarithm of the factor between a wanted rate and those on both sides of it, over which its price is measured."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95% interval; `count` is how many comparisons, faces or images it was counted in."""

    value: float
    low: float
    high: float
    count: int


def student(freedom: float) -> float:
    """Student's quantile of 97.5%, from a table up to 10 degrees of freedom, then to 3e-3 by its series in 1/df.

    Between two rows of the table it is interpolated in 1/df.
    """
    if freedom <= len(STUDENT):
        rows = 1 / np.arange(1.0, len(STUDENT) + 1)
        return float(np.interp(-1 / max(1.0, freedom), -rows, STUDENT))
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
        return one_sided(share, 3 / subjects, round(total))
    return rate_of_moves(share, moves_of_subjects(errors, trials), total)


def moves_of_subjects(errors: Doubles | Indices, trials: Doubles | Indices) -> "Moves":
    """How far a rate over comparisons of one subject each moves when one of them is left out.

    Args:
        errors: (S,) of each subject; also a difference of two counts.
        trials: (S,) comparisons of each subject; a subject without any moves nothing.
    """
    each, able = np.zeros(len(trials)), trials > 0
    wrong, counts = errors[able].astype(np.float64), trials[able].astype(np.float64)
    each[able] = without_each(wrong, counts, float(wrong.sum()), float(counts.sum()))
    return Moves(each=each, subjects=int(able.sum()), effective=effective_number(counts), twice=0.0)


def effective_number(trials: Doubles) -> float:
    """How many subjects with equal numbers of comparisons are worth as much (Kish, Survey Sampling, 1965)."""
    return float(trials.sum()) ** 2 / max(1e-300, float((trials**2).sum()))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PairCounts:
    """Comparisons and matches of pairs of subjects.

    Attributes:
        subjects: how many there are.
        total: all comparisons.
        wrong: all matches.
        matches: (K,) matches in which each subject takes part; of all subjects, or of K drawn ones.
        comparisons: (K,) comparisons in which each takes part.
        by_pair: sum over pairs of subjects of r^2; r is a pair's matches less those expected at the rate.
    """

    subjects: int
    total: float
    wrong: float
    matches: Doubles
    comparisons: Doubles
    by_pair: float


def rate_of_pairs(counts: PairCounts) -> Estimate:
    """A rate over comparisons that each belong to two subjects, such as FMR."""
    share = counts.wrong / counts.total
    if share in (0.0, 1.0) or counts.subjects < 3:
        return one_sided(share, 6 / max(1, counts.subjects), round(counts.total))
    return rate_of_moves(share, moves_of_pairs(counts), counts.total)


def moves_of_pairs(counts: PairCounts) -> "Moves":
    """How far a rate over pairs of subjects moves when one of them is left out."""
    each = without_each(counts.matches, counts.comparisons, counts.wrong, counts.total)
    share = len(counts.comparisons) / counts.subjects
    return Moves(
        each=each,
        subjects=counts.subjects,
        effective=effective_number(counts.comparisons) / share,
        twice=counts.by_pair / counts.total**2,
        share=share,
    )


def price(missed: Callable[[float], float], rate: float, lowest: float, step: float = STEP) -> float:
    """How much a miss rate rises while a false match rate falls by one unit, near a wanted false match rate.

    Args:
        missed: the miss rate at the threshold for a false match rate.
        rate: the wanted false match rate.
        lowest: the lowest one that the set has a threshold for.
        step: logarithm of the factor between the wanted rate and those on both sides of it.
    """
    loose, strict = min(0.9, rate * exp(step)), max(rate * exp(-step), lowest)
    return max(0.0, missed(strict) - missed(loose)) / (loose - strict)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Moves:
    """How far a rate moves when one subject is left out.

    Attributes:
        each: (K,) the rate without the subject, less the mean of these; 0 for subjects without a comparison.
        subjects: how many have one.
        effective: how many subjects with equal numbers of comparisons would be worth as much; see `effective_number`.
        twice: the part of the variance that a sum over subjects counts twice, since each comparison belongs to two;
            0 where each belongs to one.
        share: of the subjects in `each`, where only some were drawn.
    """

    each: Doubles
    subjects: int
    effective: float
    twice: float
    share: float = 1.0

    def plus(self, other: "Moves", weight: float) -> "Moves":
        """The moves of this rate plus `weight` times another one of the same subjects, in the same order."""
        return Moves(
            each=self.each + weight * other.each,
            subjects=max(self.subjects, other.subjects),
            effective=min(self.effective, other.effective),
            twice=self.twice + weight**2 * other.twice,
        )

    def times(self, weight: float) -> "Moves":
        """The moves of a multiple of this rate."""
        return replace(self, each=weight * self.each, twice=weight**2 * self.twice)

    @property
    def variance(self) -> float:
        """Of the rate: at least that of independent pairs of subjects."""
        size = self.subjects
        single = (size - 1) / size / self.share * float((self.each**2).sum())
        if not self.twice:
            return single
        return max(single - size * (size - 1) / (size - 2) ** 2 * self.twice, self.twice)

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the variance, by how unequal the moves are; 2 where a single subject makes it up."""
        square = self.each**2
        spread = float((square**2).sum()) - float(square.sum()) ** 2 / (self.subjects * self.share)
        shown = 2 * float(square.sum()) ** 2 / max(spread, 1e-300)
        return min(self.subjects - 1.0, max(2.0, min(shown, self.effective)))

    @property
    def skewness(self) -> float:
        """Of the rate; above 0 where few subjects pull it up."""
        cubes, squares = float((self.each**3).sum()), float((self.each**2).sum())
        return float(-cubes / max(1e-300, squares**1.5) * sqrt(self.share))

    @property
    def reach(self) -> tuple[float, float]:
        """How many standard deviations the lower and the upper end of a 95% interval are away."""
        quantile, skewness = student(self.freedom), self.skewness
        return _reach(quantile, -skewness), _reach(quantile, skewness)


def without_each(errors: Doubles, trials: Doubles, wrong: float, total: float) -> Doubles:
    """(S,) the rate without each subject, less the mean of these."""
    others = (wrong - errors) / np.maximum(total - trials, 1e-300)
    return np.asarray(others - others.mean(), np.float64)


def rate_of_moves(share: float, moves: Moves, total: float) -> Estimate:
    """A rate with its interval, on the scale of the logit; never narrower than for independent comparisons.

    Args:
        share: the rate, neither 0 nor 1.
        moves: how far it moves without each subject.
        total: all comparisons; infinite where the value is not a mean of ones and zeros.
    """
    spread = sqrt(max(moves.variance, share * (1 - share) / total)) / (share * (1 - share))
    below, above = moves.reach
    middle = log(share / (1 - share))
    low, high = middle - spread * below, middle + spread * above
    return Estimate(share, _from_logit(low), _from_logit(high), round(total) if total < inf else 0)


def _reach(quantile: float, skewness: float) -> float:
    """How many deviations an end is away: farther than the quantile where the estimate is skewed to that side.

    Inverts Hall's monotone cubic transformation of Student's statistic.
    """
    if skewness < 1e-9:
        return quantile
    return max(quantile, 3 / skewness * (1 - cbrt(1 - skewness * (quantile + skewness / 6))))


def _from_logit(value: float) -> float:
    return 1 / (1 + exp(-value)) if value > -700 else 0.0


def one_sided(share: float, rule_of_three: float, total: int) -> Estimate:
    """Nothing but right or nothing but wrong, or a single subject, which says no more than the rule of three.

    Args:
        share: the rate.
        rule_of_three: 3 / S for comparisons of one subject each, 6 / S where each belongs to two.
        total: all comparisons.
    """
    reach = min(1.0, rule_of_three)
    return Estimate(share, max(0.0, share - reach), min(1.0, share + reach), total)
