"""When a track is compared with the gallery, and at which false match rate: the policy's rate is shared by the looks.

A track is compared when it has 1, 3, 8 and 20 samples. Each of these looks is another chance for a stranger, and by
Boole's inequality the chance that any of them accepts is at most the sum of their rates. So each gets an equal share,
and the rate that the policy states holds for the track. Where neither the gallery's people nor the card can show a
share, nothing is shared: the track is compared once. Compares nothing itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mien.errors import CardError
from mien.gallery.stores.base import Store
from mien.gallery.threshold_policies import ThresholdPolicy, resolve_policy
from mien.gallery.thresholds import ChosenThreshold, choose_threshold
from mien.models.card import ModelCard

COUNTS = (1, 3, 8, 20)
"""Samples at which a track is compared."""
ONLY = (8,)
"""Samples at which it is compared where it is compared once; a track that ends before is compared when it ends."""
RENEWAL = 60.0
"""Seconds between two looks at whether the people of a gallery have changed: measuring them takes time."""


@dataclass(frozen=True, slots=True)
class LookPlan:
    """When tracks are compared, and what decides.

    Attributes:
        policy: whose rate holds for a track.
        counts: samples at which a track is compared.
        chosen: the threshold of each look, with what has to be said of it.
        fmr: the false match rate per comparison of a track with one subject, over all looks together.
    """

    policy: ThresholdPolicy
    counts: tuple[int, ...]
    chosen: ChosenThreshold
    fmr: float

    def due(self, samples: int, looked: int) -> bool:
        """Whether a track with some samples that was compared some times is compared now."""
        return looked < len(self.counts) and samples >= self.counts[looked]


def plan_looks(policy: ThresholdPolicy, store: Store, card: ModelCard, counts: Sequence[int] = COUNTS) -> LookPlan:
    """Share a policy's rate among the looks at a track.

    Args:
        policy: of false matches per comparison, or of false positives per track.
        store: the gallery's.
        card: of its recognizer.
        counts: samples at which a track is compared.

    Raises:
        CardError: nothing measured shows the policy's rate; with how many subjects are missing.
    """
    whole = policy.fmr(len(store.subjects()))
    shared = _at_most(whole / len(counts), store, card)
    if shared is not None:
        return LookPlan(policy, tuple(counts), shared, min(whole, shared.threshold.fmr * len(counts)))
    chosen = resolve_policy(policy, store, card)
    return LookPlan(policy, ONLY, chosen, chosen.threshold.fmr)


class Plans:
    """The plan for the people who are enrolled now: made again after changes, at most once per minute.

    Args:
        plan: for those who are enrolled at the start.
        store: the gallery's.
        card: of its recognizer.
    """

    def __init__(self, plan: LookPlan, store: Store, card: ModelCard) -> None:
        self._plan, self._store, self._card = plan, store, card
        self._state, self._asked = store.change_number(), 0.0

    def current(self, now: float) -> LookPlan:
        """The plan at a time in seconds of the source.

        Raises:
            CardError: nothing measured shows the policy's rate any more, as after erasures.
        """
        if now - self._asked < RENEWAL:
            return self._plan
        self._asked, before = now, self._state
        self._state = self._store.change_number()
        if self._state != before:
            self._plan = plan_looks(self._plan.policy, self._store, self._card)
        return self._plan


def _at_most(fmr: float, store: Store, card: ModelCard) -> ChosenThreshold | None:
    """The threshold for a false match rate, else for the next stricter one on the card; None where there is none."""
    stricter = sorted((row.fmr for row in card.thresholds if row.fmr <= fmr), reverse=True)
    for rate in (fmr, *stricter[:1]):
        try:
            chosen = choose_threshold(store, card, rate)
        except CardError:
            continue
        if chosen.threshold.fmr <= fmr * (1 + 1e-9):
            return chosen
    return None
