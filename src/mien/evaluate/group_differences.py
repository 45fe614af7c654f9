"""How unequal the error rates of groups are, in one number: the summaries of the field. Measures no rate.

max over min                 ISO/IEC 19795-10:2024; NISTIR 8280
max over geometric mean      NISTIR 8429 (2022), less moved by one very small rate
Gini coefficient and GARBE   Howard, Laird, Sirotin and others, 2022: 0 where all are equal, 1 where one group has all
inequity rate                NISTIR 8429 (2022): both ratios of max over min, to the power of a half, multiplied
"""

from collections.abc import Sequence
from math import exp, inf, log, nan

ALPHA = 0.5
"""The weight of false matches next to false non-matches."""


def max_over_min(rates: Sequence[float]) -> float:
    """The highest rate over the lowest; infinite where only the lowest is 0, NaN where all are."""
    low, high = min(rates), max(rates)
    return high / low if low else inf if high else nan


def max_over_geometric_mean(rates: Sequence[float]) -> float:
    """The highest rate over the geometric mean of all; infinite where one is 0, NaN where all are."""
    if not max(rates):
        return nan
    return max(rates) / exp(sum(map(log, rates)) / len(rates)) if min(rates) else inf


def gini(rates: Sequence[float]) -> float:
    """The Gini coefficient with the correction for few groups; NaN for a single group, or where all rates are 0."""
    count, mean = len(rates), sum(rates) / len(rates)
    if count < 2 or not mean:
        return nan
    differences = sum(abs(a - b) for a in rates for b in rates)
    return count / (count - 1) * differences / (2 * count**2 * mean)


def garbe(fmr: Sequence[float], fnmr: Sequence[float], alpha: float = ALPHA) -> float:
    """The Gini aggregation rate: the two Gini coefficients, weighted by `alpha` and 1 - `alpha`."""
    return alpha * gini(fmr) + (1 - alpha) * gini(fnmr)


def inequity(fmr: Sequence[float], fnmr: Sequence[float], alpha: float = ALPHA) -> float:
    """The inequity rate: both ratios of max over min, to the power of `alpha` and 1 - `alpha`, multiplied."""
    return float(max_over_min(fmr) ** alpha * max_over_min(fnmr) ** (1 - alpha))
