"""Which scores are so near to the threshold that a person should look at the pair.

A score is near where the decision would be another one at a false match rate that is a few times higher or lower: the
band from the threshold at the rate times a factor to that at the rate divided by it. Between the rates of the model's
card, thresholds follow the logarithm of the rate. Decides nothing.
"""

from bisect import bisect_left
from dataclasses import dataclass
from math import log10

from mien.models.card import ModelCard
from mien.settings import EVERYBODY
from mien.types import Threshold
from mien.units import convert

FACTOR = 2.0
"""How many times higher or lower the false match rate may be: about what the interval of a card's rate spans."""


@dataclass(frozen=True, slots=True)
class ReviewBand:
    """The scores that are near to a threshold.

    Attributes:
        low: the lowest score of the band, in the unit of the scores.
        high: the highest one.
        factor: of the false match rate.
    """

    low: float
    high: float
    factor: float

    def holds(self, score: float) -> bool:
        """Whether a score is in the band."""
        return self.low <= score <= self.high


def review_band(threshold: Threshold, card: ModelCard, group: str, factor: float) -> ReviewBand | None:
    """The scores that are near to a threshold; None where the card has fewer than two rates, so that nobody knows.

    Args:
        threshold: what decides.
        card: of the recognizer.
        group: whose thresholds the card's are; see the setting `group`.
        factor: of the false match rate, above 1.
    """
    rows = card.thresholds if group == EVERYBODY else [row for row in card.group_thresholds if row.group == group]
    known = {log10(row.fmr): convert(row.value, row.unit, card.unit, unit_length=False) for row in rows}
    if factor <= 1 or len(known) < 2:
        return None
    value = convert(threshold.value, threshold.unit, card.unit, unit_length=False)
    # A threshold that is not the card's (a gallery's own people chose it) is as steep as the card's at that rate.
    shift = value - _at(log10(threshold.fmr), known)
    ends = [_at(log10(threshold.fmr) + step, known) + shift for step in (-log10(factor), log10(factor))]
    return ReviewBand(min(ends), max(ends), factor)


def _at(place: float, known: dict[float, float]) -> float:
    """The threshold at the logarithm of a rate, on a line through the two known ones next to it."""
    places = sorted(known)
    right = min(max(bisect_left(places, place), 1), len(places) - 1)
    a, b = places[right - 1], places[right]
    return known[a] + (known[b] - known[a]) * (place - a) / (b - a)
