"""Thresholds between and beyond the false match rates of a card, as if the scores of strangers were normal.

For what needs no promise: which scores are near a threshold, how strict one must be for many comparisons, how sure a
score is. A decision takes a measured threshold (mien.gallery.thresholds). Thresholds are on lines over the normal
quantiles of the rates: straight over the rates' logarithms they would be too strict far out.
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from math import erfc, log10, sqrt
from statistics import NormalDist

import numpy as np

from mien.models.card import ModelCard
from mien.settings import EVERYBODY
from mien.types import Floats
from mien.units import better_is_higher, convert

FARTHEST = 37.0
"""The normal quantile beyond which a rate is too small for a number."""


@dataclass(frozen=True, slots=True)
class RateCurve:
    """Thresholds by rate.

    Attributes:
        quantiles: of false match rates: how many standard deviations above the mean of strangers; ascending, two or
            more.
        values: the threshold of each, in the unit of the card's scores.
    """

    quantiles: tuple[float, ...]
    values: tuple[float, ...]

    def threshold(self, fmr: float) -> float:
        """The threshold of a rate; beyond the known rates the line of the last two goes on."""
        place = _quantile(fmr)
        right = min(max(bisect_left(self.quantiles, place), 1), len(self.quantiles) - 1)
        (a, b), (low, high) = self.quantiles[right - 1 : right + 1], self.values[right - 1 : right + 1]
        return low + (high - low) * (place - a) / (b - a)

    def log_rates(self, scores: Floats) -> Floats:
        """The logarithm to the base of ten of the rate at which each score would just match; NaN stays."""
        values, places = np.array(self.values), np.array(self.quantiles)
        if values[0] > values[-1]:
            values, places = values[::-1], places[::-1]
        right = np.clip(np.searchsorted(values, scores), 1, len(values) - 1)
        slope = (places[right] - places[right - 1]) / (values[right] - values[right - 1])
        found = places[right - 1] + (scores - values[right - 1]) * slope
        return np.array([_log_rate(place) for place in found.tolist()], np.float32)


def _quantile(fmr: float) -> float:
    return -NormalDist().inv_cdf(fmr)


def _log_rate(quantile: float) -> float:
    """The logarithm of the share of a normal distribution above a quantile."""
    return log10(erfc(max(-FARTHEST, min(FARTHEST, quantile)) / sqrt(2)) / 2) if quantile == quantile else quantile


def rate_curve(card: ModelCard, group: str = EVERYBODY) -> RateCurve | None:
    """The curve of a card's thresholds; None where it has fewer than two, or where they are in no order.

    Args:
        card: of a recognizer.
        group: whose thresholds they are, as the card calls it.
    """
    rows = card.thresholds if group == EVERYBODY else [row for row in card.group_thresholds if row.group == group]
    known = sorted((_quantile(row.fmr), convert(row.value, row.unit, card.unit, unit_length=False)) for row in rows)
    steps = [b[1] - a[1] for a, b in pairwise(known)]
    rises = better_is_higher(card.unit)
    if not steps or any(step <= 0 if rises else step >= 0 for step in steps):
        return None
    return RateCurve(tuple(place for place, _ in known), tuple(value for _, value in known))
