"""Error rates with 95% intervals by subject: FNMR over mated comparisons, FMR over non-mated ones.

Terms as in ISO/IEC 19795-1. Comparisons that share a subject are not independent, so an interval rests on how far the
rate moves when one subject is left out (the jackknife), not on the number of comparisons. Where each comparison
belongs to two subjects, their sum counts each pair of subjects twice, which is taken off (Aronow, Samii and Assenova,
Political Analysis 23(4), 2015). The interval is taken on the scale of the logit, since small rates spread by
factors; with Student's t, whose degrees of freedom are those that the subjects' moves themselves show
(Satterthwaite). Of comparisons of two subjects each, the end towards which a few subjects pull is set farther out
(Hall, JRSS B 54(1), 1992). No end is farther out than if one more subject, the heaviest of all, were wrong in every
comparison (Fay and Feuer, Statistics in Medicine 16, 1997). Without any error the upper end is the rule of three over
subjects. How often this holds the truth is in benchmarks/coverage.py and decisions/0019; where it does not hold, the
estimate says how many people are missing, and has no interval. Chooses no threshold and makes no decision.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cbrt, ceil, exp, hypot, inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Doubles = NDArray[np.float64]

Z = 1.959963984540054
"""The normal quantile of 97.5%."""
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's quantile of 97.5% for 1 to 10 degrees of freedom."""


MIN_SUBJECTS = 10
"""Subjects from which on intervals hold for rates of which each comparison belongs to one subject."""
MIN_OF_PAIRS = 30
"""The same for rates of which each comparison belongs to two: subjects with equal numbers of comparisons."""
FARTHEST = 1.75
"""How far out a skewed end is at most, in quantiles: beyond, it only gets wider (docs/decisions/0019)."""

STEP = 0.25
"""Logarithm of the factor between a wanted rate and those on both sides of it, over which its price is measured."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95% interval.

    Attributes:
        value: 0 to 1.
        low: lower end; reports show `interval` instead, which may be missing.
        high: upper end.
        count: how many comparisons, faces or images it was counted in.
        missing: people that it takes before the interval holds; 0 where it holds.
    """

    value: float
    low: float
    high: float
    count: int
    missing: int = 0

    @property
    def interval(self) -> tuple[float, float] | None:
        """What may be shown: the two ends, or None where people are missing."""
        return None if self.missing else (self.low, self.high)


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
    moves = moves_of_subjects(errors, trials)
    if subjects < 2 or share in (0.0, 1.0):
        return one_sided(share, 3 / moves.effective, round(total), moves.missing)
    return rate_of_moves(share, moves, total)


def moves_of_subjects(errors: Doubles | Indices, trials: Doubles | Indices) -> "Moves":
    """How far a rate over comparisons of one subject each moves when one of them is left out.

    Args:
        errors: (S,) of each subject; also a difference of two counts.
        trials: (S,) comparisons of each subject; a subject without any moves nothing.
    """
    each, able = np.zeros(len(trials)), trials > 0
    wrong, counts = errors[able].astype(np.float64), trials[able].astype(np.float64)
    if not len(counts):
        return Moves(each=each, subjects=0, effective=0.0, twice=0.0)
    each[able] = without_each(wrong, counts, float(wrong.sum()), float(counts.sum()))
    return Moves(
        each=each,
        subjects=int(able.sum()),
        effective=effective_number(counts),
        twice=0.0,
        heaviest=float(counts.max() / counts.sum()),
    )


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
    moves = moves_of_pairs(counts)
    if share in (0.0, 1.0) or counts.subjects < 3:
        return one_sided(share, 6 / max(1.0, moves.effective), round(counts.total), moves.missing)
    return rate_of_moves(share, moves, counts.total)


def moves_of_pairs(counts: PairCounts) -> "Moves":
    """How far a rate over pairs of subjects moves when one of them is left out."""
    each = without_each(counts.matches, counts.comparisons, counts.wrong, counts.total)
    share = len(counts.comparisons) / counts.subjects
    return Moves(
        each=each,
        subjects=counts.subjects,
        effective=effective_number(counts.comparisons) / share,
        twice=counts.by_pair / counts.total**2,
        heaviest=float(counts.comparisons.max() / counts.total),
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
        heaviest: share of the comparisons in which the heaviest subject takes part; 1 where that says nothing.
        share: of the subjects in `each`, where only some were drawn.
    """

    each: Doubles
    subjects: int
    effective: float
    twice: float
    heaviest: float = 1.0
    share: float = 1.0

    def plus(self, other: "Moves", weight: float) -> "Moves":
        """The moves of this rate plus `weight` times another one of the same subjects, in the same order."""
        return Moves(
            each=self.each + weight * other.each,
            subjects=max(self.subjects, other.subjects),
            effective=min(self.effective, other.effective),
            twice=self.twice + weight**2 * other.twice,
            heaviest=max(self.heaviest, other.heaviest),
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
        if size < 3:
            # The correction for what is counted twice takes a third subject.
            return max(single, self.twice)
        return max(single - size * (size - 1) / (size - 2) ** 2 * self.twice, self.twice)

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the variance, by how unequal the moves are; 2 where a single subject makes it up."""
        if not self.subjects:
            return 1.0
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
    def missing(self) -> int:
        """People that it takes before an interval holds, each with as many comparisons as the others on average."""
        if self.twice:
            return more_subjects(self.subjects, self.effective, MIN_OF_PAIRS)
        return max(0, MIN_SUBJECTS - self.subjects)

    @property
    def reach(self) -> tuple[float, float]:
        """How many standard deviations the lower and the upper end of a 95% interval are away, on the logit's scale.

        There a rate whose errors are of one subject each is not skewed any more; one of pairs of subjects is.
        """
        quantile = student(self.freedom)
        return self.skewed_reach() if self.twice else (quantile, quantile)

    def skewed_reach(self, freedom: float = inf) -> tuple[float, float]:
        """The same on a scale on which the skewness is that of the moves, such as that of a difference.

        Args:
            freedom: degrees of freedom of a part of the variance, where they may be fewer.
        """
        quantile, skewness = student(min(self.freedom, freedom)), self.skewness
        return _reach(quantile, -skewness), _reach(quantile, skewness)


def more_subjects(subjects: int, effective: float, wanted: int) -> int:
    """How many average subjects more make the effective number of subjects as large as wanted.

    With m more, Kish's number is (S + m)^2 / (S^2 / effective + m), in units of the mean number of comparisons.
    """
    if effective >= wanted or not subjects:
        return 0 if subjects else wanted
    unequal = subjects * (subjects / effective - 1)
    return ceil((wanted + sqrt(wanted**2 + 4 * wanted * unequal)) / 2 - 1e-9) - subjects


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
    variance = max(moves.variance, share * (1 - share) / total)
    spread = sqrt(variance) / (share * (1 - share))
    below, above = moves.reach
    middle = log(share / (1 - share))
    low, high = middle - spread * below, middle + spread * above
    return Estimate(
        share,
        max(_from_logit(low), 1 - one_more(1 - share, variance, moves.heaviest)),
        min(_from_logit(high), one_more(share, variance, moves.heaviest)),
        round(total) if total < inf else 0,
        moves.missing,
    )


def with_threshold_noise(rate: Estimate, at_ends: tuple[float, float], missing: int) -> Estimate:
    """A rate at a threshold that is itself uncertain: both distances of each end are added as squares.

    Args:
        rate: at the threshold as if it were fixed.
        at_ends: the rate at the lowest and the highest of where the threshold may be.
        missing: people that it takes before these are known.
    """
    low = rate.value - hypot(rate.value - rate.low, rate.value - at_ends[0])
    high = rate.value + hypot(rate.high - rate.value, at_ends[1] - rate.value)
    return replace(rate, low=max(0.0, low), high=min(1.0, high), missing=max(rate.missing, missing))


def one_more(share: float, variance: float, weight: float) -> float:
    """The upper end as if one more subject of a weight, the heaviest, had been wrong in all its comparisons.

    Fay and Feuer (1997), equation 6, with the quantile of chi-square by Wilson and Hilferty's cube.
    """
    value, spread = share + weight, variance + weight**2
    freedom = 2 * value**2 / spread
    part = 2 / (9 * freedom)
    return min(1.0, spread / (2 * value) * freedom * (1 - part + Z * sqrt(part)) ** 3)


def _reach(quantile: float, skewness: float) -> float:
    """How many deviations an end is away: farther than the quantile where the estimate is skewed to that side.

    Inverts Hall's monotone cubic transformation of Student's statistic, up to FARTHEST quantiles.
    """
    if skewness < 1e-9:
        return quantile
    reach = 3 / skewness * (1 - cbrt(1 - skewness * (quantile + skewness / 6)))
    return min(max(quantile, reach), FARTHEST * quantile)


def _from_logit(value: float) -> float:
    return 1 / (1 + exp(-value)) if value > -700 else 0.0


def one_sided(share: float, rule_of_three: float, total: int, missing: int = 0) -> Estimate:
    """Nothing but right or nothing but wrong, or a single subject, which says no more than the rule of three.

    Args:
        share: the rate.
        rule_of_three: 3 / S for comparisons of one subject each, 6 / S where each belongs to two; S is the effective
            number of subjects.
        total: all comparisons.
        missing: people that it takes before that holds.
    """
    reach = min(1.0, rule_of_three)
    return Estimate(share, max(0.0, share - reach), min(1.0, share + reach), total, missing)
