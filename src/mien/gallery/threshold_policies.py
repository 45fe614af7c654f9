"""A threshold as a policy: the false match rate of one comparison, or the false positive rate of a whole search.

`fmr:1e-4` is a rate of comparisons. `fpir:1e-2` is a rate of searches: the probe of a stranger meets everybody who is
enrolled, so its rate is about that of one comparison times the number N of subjects (FPIR = 1 - (1 - FMR)^N for
independent comparisons, ISO/IEC 19795-1). A search at FPIR needs comparisons at FMR = 1 - (1 - FPIR)^(1/N). A rate
that neither the gallery's people nor the card can show is refused with how many subjects are missing. Which threshold
decides at a rate is in mien.gallery.thresholds.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal

from mien.errors import CardError, SettingsError
from mien.gallery.calibration import own_rates
from mien.gallery.stores.base import Store
from mien.gallery.thresholds import ChosenThreshold, choose_threshold, threshold_without_gallery
from mien.models.card import ModelCard
from mien.settings import load_settings

FORM = re.compile(r"(fmr|fpir):(\d{1,3}(?:\.\d{1,12})?(?:[eE]-\d{1,2})?)")


@dataclass(frozen=True, slots=True)
class ThresholdPolicy:
    """A wanted error rate.

    Attributes:
        kind: of one comparison (fmr), or of a search of the whole gallery (fpir).
        rate: above 0 and below 1.
    """

    kind: Literal["fmr", "fpir"]
    rate: float

    def __str__(self) -> str:
        return f"{self.kind}:{self.rate:g}"

    def fmr(self, subjects: int) -> float:
        """The false match rate of one comparison that it needs among a number of subjects."""
        if self.kind == "fmr" or subjects <= 1:
            return self.rate
        return -math.expm1(math.log1p(-self.rate) / subjects)


def parse_policy(text: str) -> ThresholdPolicy:
    """Read `fmr:RATE` or `fpir:RATE`.

    Raises:
        SettingsError: it has another form, or the rate is not between 0 and 1.

    Example:
        >>> parse_policy("fpir:1e-2").fmr(1000) < 1.01e-5
        True
    """
    found = FORM.fullmatch(text)
    rate = float(found[2]) if found else 0.0
    if found is None or not 0 < rate < 1:
        raise SettingsError(
            f"the threshold '{text[:40]}' is not a policy: write fmr:1e-3 for the false match rate of one "
            "comparison, or fpir:1e-2 for the rate at which searches of strangers find somebody"
        )
    return ThresholdPolicy("fmr" if found[1] == "fmr" else "fpir", rate)


def resolve_policy(policy: ThresholdPolicy, store: Store, card: ModelCard) -> ChosenThreshold:
    """The threshold for a policy in a gallery with the subjects that it has now.

    Where nobody measured exactly the rate that a search needs, the card's next stricter one is taken.

    Raises:
        CardError: neither the gallery's people nor the card can show the rate; with how many subjects are missing.
    """
    wanted = policy.fmr(len(store.subjects()))
    try:
        return choose_threshold(store, card, wanted)
    except CardError:
        stricter = [row.fmr for row in card.thresholds if row.fmr <= wanted]
        if policy.kind == "fpir" and stricter:
            return choose_threshold(store, card, max(stricter))
        missing = own_rates(store, wanted, None).missing
        measured = ", ".join(f"fmr:{row.fmr:g}" for row in card.thresholds) or "none"
        raise CardError(
            f"{policy} needs comparisons at a false match rate of {wanted:.2g}, which nothing measured shows: the "
            f"gallery needs {missing} more subjects to show it itself; {card.name} has {measured}"
        ) from None


def resolve_without_gallery(policy: ThresholdPolicy, card: ModelCard) -> ChosenThreshold:
    """The card's threshold for a comparison without a gallery.

    Raises:
        SettingsError: the policy is one of searches.
        CardError: the card has no threshold for that rate.
    """
    if policy.kind == "fpir":
        raise SettingsError(
            f"{policy} is a rate of searches, and nothing is searched here: use fmr:1e-3, for example"
        )
    return threshold_without_gallery(card, policy.rate, load_settings().group)
