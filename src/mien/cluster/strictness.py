"""How alike faces must be to be one person, among so many: the rate of the card's thresholds, made stricter.

Among n faces each is compared with n - 1 others, so a fixed false match rate lets ever more strangers look alike as
an album grows. The rate is the one of the settings, or the one at which a face expects so many strangers as alike, if
that is lower. Groups nothing.
"""

from dataclasses import dataclass

from mien.errors import CardError
from mien.gallery.rate_curve import RateCurve, rate_curve
from mien.models.card import ModelCard

FOUNDERS, JOINERS = 0.3, 1.0
"""How many of all other faces may be as alike by chance: as two faces that found a group, and as a face or a group is
to a group on average. A mean over several faces is reached by strangers far less often than a single pair's score is.
Chosen on CelebA, as it is and with four in five people reduced to a single photograph (benchmarks/clusters.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strictness:
    """How alike faces must be.

    Attributes:
        found_fmr: the false match rate per pair at which faces found a group.
        found: the mean score that they must reach.
        join_fmr: the false match rate per pair at which groups that were founded are joined.
        join: the mean score that they must reach.
        curve: the thresholds of the card.
    """

    found_fmr: float
    found: float
    join_fmr: float
    join: float
    curve: RateCurve


def strictness(card: ModelCard, faces: int, fmr: float, group: str) -> Strictness:
    """The strictness for a number of faces.

    Args:
        card: of the recognizer.
        faces: how many are compared with each other.
        fmr: the highest false match rate per pair.
        group: of people whose thresholds count, as the card calls it.

    Raises:
        CardError: the card has fewer than two thresholds, so nobody knows what a stricter one is.
    """
    curve = rate_curve(card, group)
    if curve is None:
        raise CardError(
            f"{card.name} has fewer than two thresholds for {group}, so it is not known how strict one must be among "
            "many faces: measure them with `mien evaluate calibrate SET --card`"
        )
    found, join = (min(fmr, strangers / max(1, faces - 1)) for strangers in (FOUNDERS, JOINERS))
    return Strictness(
        found_fmr=found, found=curve.threshold(found), join_fmr=join, join=curve.threshold(join), curve=curve
    )
