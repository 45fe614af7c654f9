"""The threshold that each group needs for a false match rate among its own people, and the one that the worst needs.

One threshold for everybody keeps the rate on average; within a group whose people look alike to the recognizer it
lets more strangers pass. Chosen and looked at on the same people; `mien evaluate calibrate --group worst` scores such
a threshold on other people.
"""

from dataclasses import dataclass

import numpy as np

from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.operating_points import SHOWN_BY
from mien.pairwise.rates_at import counts_above, place_between
from mien.pairwise.score_blocks import BINS


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupThreshold:
    """What a group needs.

    Attributes:
        name: of the group.
        threshold: in the metric's unit, the loosest one whose rate within the group is at most the wanted one.
    """

    name: str
    threshold: float


def group_thresholds(pairs: PairStatistics, fmr: float) -> list[GroupThreshold]:
    """The threshold of each group that can show a false match rate on its own, strictest first."""
    found = []
    for row, (a, b) in enumerate(pairs.pair_of):
        if a == b and fmr * pairs.histogram[row].sum() >= SHOWN_BY:
            found.append((_within(pairs, row, a, fmr), pairs.strata[a]))
    return [GroupThreshold(name=name, threshold=pairs.value(similar)) for similar, name in sorted(found)[::-1]]


def _within(pairs: PairStatistics, row: int, group: int, fmr: float) -> float:
    """The similarity: exact among the kept comparisons, by the histogram below them."""
    total = int(pairs.histogram[row].sum())
    allowed = int(fmr * total + 1e-9)
    inside = pairs.tail[(pairs.stratum[pairs.tail_samples] == group).all(axis=1)]
    if allowed < len(inside):
        return place_between(inside, allowed)
    above = counts_above(pairs.histogram[row])
    place = float(np.interp(-fmr * total, -above, np.arange(BINS + 1)))
    return pairs.low + (place - 1) * pairs.width
