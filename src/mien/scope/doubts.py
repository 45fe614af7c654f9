"""What a threshold knows of faces outside of its protocol: doubts about a face, each with the rate that is known.

Looks rates up in the threshold's `conditions`. A size takes the rate of the next smaller one that was measured, since
error rates grow as faces become smaller. Measures nothing and decides nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mien.messages import Message
from mien.messages.figures import percent
from mien.models.card import ModelCard
from mien.scope.aspects import ASPECTS, sentence_about
from mien.scope.measure import Scope
from mien.types import PLAIN, Threshold
from mien.units import better_is_higher, convert


@dataclass(frozen=True, slots=True)
class KnownRate:
    """A false match rate that was measured under a condition, with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Something in which a face is outside of what recognizers are measured on.

    Attributes:
        code: the aspect; see mien.scope.aspects.
        value: of the aspect; None where it could not be measured.
        rate: the false match rate that is known for such faces, or None.
        holds: whether the threshold's rate holds all the same: the known one is not beyond its interval, and such
            people are not missed far more often; or the aspect is one of portraits alone.
        fmr: the rate that the threshold has in the protocol of the known one; None where no rate is known.
        missed: whether the known rate is not beyond, and the decision is uncertain since such people are missed far
            more often.
    """

    code: str
    value: float | None
    rate: KnownRate | None
    holds: bool
    fmr: float | None
    missed: bool = False

    @property
    def is_poor_portrait(self) -> bool:
        """Whether no rate is concerned, and yet a better image should be enrolled."""
        return self.holds and self.rate is None

    @property
    def message(self) -> Message:
        """The doubt as a sentence."""
        what = sentence_about(self.code, self.value)
        if self.is_poor_portrait:
            return what
        if self.rate is None or self.fmr is None:
            return Message("scope.no-rate", {"what": what})
        rate, low, high, fmr = (percent(v) for v in (self.rate.value, self.rate.low, self.rate.high, self.fmr))
        code = "scope.missed" if self.missed else "scope.rate"
        return Message(code, {"what": what, "rate": rate, "low": low, "high": high, "fmr": fmr})


def beyond(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """The doubts for which the threshold's own rate does not hold, so that a decision is uncertain."""
    return tuple(one for one in doubts if not one.holds)


def unsuited(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """The doubts because of which a better image should be enrolled: those beyond, and poor portraits."""
    return tuple(one for one in doubts if not one.holds or one.is_poor_portrait)


def doubts_about(scope: Scope, threshold: Threshold | None) -> tuple[Doubt, ...]:
    """Everything in which a face is outside, with what the threshold knows of it; without one, nothing is known."""
    return tuple(doubt_about(code, scope.values.get(code), threshold) for code in scope.outside)


def doubt_about(code: str, value: float | None, threshold: Threshold | None) -> Doubt:
    """The doubt about a face that is outside in an aspect, with what a threshold knows of it."""
    conditions = {} if threshold is None else threshold.conditions
    rate = known_rate(code, value, conditions)
    if threshold is None or rate is None:
        holds = code in ASPECTS and ASPECTS[code].of_portraits
        return Doubt(code=code, value=value, rate=None, holds=holds, fmr=None)
    fmr, _, high = conditions.get(PLAIN) or (threshold.fmr, *(threshold.fmr_interval or (threshold.fmr,) * 2))
    within = rate.low <= max(fmr, high)
    missed = within and code in ASPECTS and ASPECTS[code].missed
    return Doubt(code=code, value=value, rate=rate, holds=within and not missed, fmr=fmr, missed=missed)


def known_rate(
    code: str, value: float | None, conditions: Mapping[str, tuple[float, float, float]]
) -> KnownRate | None:
    """The rate that was measured for a code, or for the next smaller value of a code that has several.

    Args:
        code: an aspect.
        value: of the aspect in the face.
        conditions: rates by code, such as "mask", or by code and value, such as "size-32".
    """
    if code in conditions:
        return KnownRate(*conditions[code])
    steps = {float(name.removeprefix(f"{code}-")): name for name in conditions if name.startswith(f"{code}-")}
    below = [step for step in steps if value is not None and step <= value]
    return KnownRate(*conditions[steps[max(below)]]) if below else None


def with_card_rates(threshold: Threshold, card: ModelCard) -> Threshold:
    """A threshold with what its model's card knows of faces outside of the protocol, where it knows nothing itself.

    Of the card's thresholds that are not stricter, the strictest one counts: what it lets pass is an upper bound. A
    threshold that is looser than all of them stays as it is.
    """
    if threshold.conditions or threshold.contract != card.contract:
        return threshold
    rows = [card.threshold(row.fmr) for row in card.thresholds if row.conditions]
    looser = [row for row in rows if _strictness(row, threshold) <= _strictness(threshold, threshold)]
    if not looser:
        return threshold
    return replace(threshold, conditions=max(looser, key=lambda row: _strictness(row, threshold)).conditions)


def _strictness(threshold: Threshold, like: Threshold) -> float:
    """A threshold's value, in the unit of another one, so that more is stricter."""
    value = convert(threshold.value, threshold.unit, like.unit, unit_length=False)
    return value if better_is_higher(like.unit) else -value
