"""Which scores are so near to the threshold that a person should look at the pair.

A score is near where the decision would be another one at a false match rate that is a few times higher or lower: the
band from the threshold at the rate times a factor to that at the rate divided by it; see mien.gallery.rate_curve.
Decides nothing.
"""

from dataclasses import dataclass

from mien.gallery.rate_curve import rate_curve
from mien.models.card import ModelCard
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
    curve = rate_curve(card, group)
    if factor <= 1 or curve is None:
        return None
    value = convert(threshold.value, threshold.unit, card.unit, unit_length=False)
    # A threshold that is not the card's (a gallery's own people chose it) is as steep as the card's at that rate.
    shift = value - curve.threshold(threshold.fmr)
    ends = [curve.threshold(threshold.fmr * step) + shift for step in (1 / factor, factor)]
    return ReviewBand(min(ends), max(ends), factor)
