"""Which threshold decides in a gallery, and for whom its rate holds.

In this order: thresholds that were kept for the gallery, measured on people like its own; the gallery's own people,
where they are enough; else the card's, for the group of the settings or, without one, for the worst that it knows.
What is said of the choice is a message, once for each use of the gallery.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mien.errors import CardError, ContractError
from mien.gallery.wording import interval, message
from mien.messages import Message
from mien.messages.figures import percent, score_text
from mien.models.card import ModelCard, ThresholdRow
from mien.scope import with_card_rates
from mien.settings import EVERYBODY, load_settings
from mien.types import Threshold
from mien.units import UNIT_OF, better_is_higher, convert

if TYPE_CHECKING:
    from mien.gallery.calibration import OwnRates
    from mien.gallery.stores.base import Store

KEPT = "thresholds"
"""The name under which a gallery keeps its own thresholds."""


@dataclass(frozen=True, slots=True)
class ChosenThreshold:
    """A threshold, and what has to be said of it.

    Attributes:
        threshold: what decides.
        notes: where the card's rate does not hold, or people are missing.
        own: what the gallery's people say; None where they were not asked.
    """

    threshold: Threshold
    notes: tuple[Message, ...] = ()
    own: "OwnRates | None" = None


def keep_thresholds(store: "Store", contract: str, rows: Sequence[ThresholdRow]) -> None:
    """Write measured thresholds into a gallery, in place of earlier ones.

    Raises:
        ContractError: they were measured with another model.
    """
    if contract != store.identity.contract:
        raise ContractError(
            f"{store.address} holds embeddings of {store.identity.model} (contract {store.identity.contract}); these "
            f"thresholds were measured with contract {contract}: embed with --recognizer {store.identity.model}"
        )
    store.write_kept(KEPT, json.dumps({"contract": contract, "rows": [row.model_dump() for row in rows]}))


def threshold_for(store: "Store", card: ModelCard, fmr: float) -> Threshold:
    """The threshold that decides in a gallery at a false match rate; see choose_threshold."""
    return choose_threshold(store, card, fmr).threshold


def choose_threshold(store: "Store", card: ModelCard, fmr: float) -> ChosenThreshold:
    """Choose the threshold for a false match rate, and say for whom it holds.

    It knows the rates of faces outside of its protocol, if the card does; see mien.scope.

    Raises:
        CardError: neither the gallery's people nor the card have one for that rate.
    """
    chosen = _choose(store, card, fmr)
    return replace(chosen, threshold=with_card_rates(chosen.threshold, card))


def threshold_without_gallery(card: ModelCard, fmr: float, group: str = EVERYBODY) -> ChosenThreshold:
    """A card's threshold where no gallery knows its people: a group's, or everybody's with the worst group's rate.

    Args:
        card: of the recognizer.
        fmr: the false match rate.
        group: as the card calls it.

    Raises:
        CardError: the card has no threshold for that rate and group.
    """
    if group != EVERYBODY:
        return ChosenThreshold(with_card_rates(card.threshold(fmr, group), card))
    threshold = card.threshold(fmr)
    worst = threshold.failing_group
    measured = None if worst is None else threshold.within(worst)
    if worst is None or measured is None:
        return ChosenThreshold(threshold)
    rate, low, high = (percent(value) for value in measured)
    note = message("group-rate", group=worst, rate=rate, low=low, high=high, wanted=percent(fmr))
    return ChosenThreshold(threshold, (note,))


def _choose(store: "Store", card: ModelCard, fmr: float) -> ChosenThreshold:
    kept = _kept(store, card, fmr)
    if kept is not None:
        return ChosenThreshold(kept)
    try:
        promised, problem = card.threshold(fmr), None
    except CardError as reason:
        promised, problem = None, reason
    from mien.gallery.calibration import own_rates

    rates = own_rates(store, fmr, None if promised is None else _in_unit(promised, card))
    if rates.value is not None and rates.shown == fmr:
        return ChosenThreshold(_own(rates, card), _about_card(rates, promised, rates.value), rates)
    if promised is None:
        assert problem is not None
        raise problem
    return _while_people_are_missing(rates, card, promised)


def _kept(store: "Store", card: ModelCard, fmr: float) -> Threshold | None:
    text = store.read_kept(KEPT)
    if text is None or (kept := json.loads(text))["contract"] != card.contract:
        return None
    own = card.model_copy(update={"thresholds": tuple(ThresholdRow(**row) for row in kept["rows"])})
    try:
        return own.threshold(fmr)
    except CardError:
        return None


def _while_people_are_missing(rates: "OwnRates", card: ModelCard, promised: Threshold) -> ChosenThreshold:
    """The card's threshold for a group; a stricter one where the gallery's people already refute it."""
    chosen, group = _for_group(card, promised)
    missing = message("missing", count=rates.people, missing=rates.missing, rate=percent(rates.wanted))
    notes = [missing] if group is None else [missing, group]
    if rates.value is not None and rates.card_fails and _stricter(rates.value, _in_unit(chosen, card), card):
        chosen, notes = _own(rates, card), [missing, *_about_card(rates, promised, rates.value)]
    return ChosenThreshold(chosen, tuple(notes), rates)


def _for_group(card: ModelCard, promised: Threshold) -> tuple[Threshold, Message | None]:
    """A card's threshold for the group of the settings, else for the worst that it knows, and what to say.

    The group may lack the rate that is asked for: the loosest that keeps it is taken, else the strictest.
    """
    group = load_settings().group
    if group == EVERYBODY:
        return for_worst_group(card, promised)
    own = [card.threshold(row.fmr, group) for row in card.group_thresholds if row.group == group]
    # Without any, the card says which groups it knows.
    chosen = _nearest(own, promised.fmr) if own else card.threshold(promised.fmr, group)
    said = message("own-group", group=group, rate=percent(chosen.fmr), threshold=score_text(chosen.value))
    return chosen, said


def for_worst_group(card: ModelCard, promised: Threshold) -> tuple[Threshold, Message | None]:
    """A card's threshold that keeps a false match rate within its worst group, or comes nearest to it.

    Thresholds that were measured on that group count, and those for everybody, by their rates within it. Of those
    that keep the rate, the loosest is taken; where none does, the strictest of all.

    Returns:
        The threshold, with the rate that it has within that group, and what to say; None where no group is known, or
        where the promised rate holds there too, within the interval.
    """
    group = promised.failing_group
    if group is None:
        return promised, None
    own = [card.threshold(row.fmr, group) for row in card.group_thresholds if row.group == group]
    everybody = [_within(card.threshold(row.fmr), group) for row in card.thresholds]
    chosen = _nearest([*own, *(row for row in everybody if row is not None)], promised.fmr)
    said = message("worst-group", group=group, rate=percent(chosen.fmr), threshold=score_text(chosen.value))
    return chosen, said


def _nearest(known: Sequence[Threshold], fmr: float) -> Threshold:
    """Of some thresholds with their rates within a group, the loosest that keeps a rate, else the strictest."""
    keeping = [row for row in known if row.fmr <= fmr]
    return max(keeping, key=lambda row: row.fmr) if keeping else min(known, key=lambda row: row.fmr)


def _within(threshold: Threshold, group: str) -> Threshold | None:
    """A threshold with the rate that it has within a group; None where that is not known."""
    measured = threshold.within(group)
    if measured is None:
        return None
    rate, low, high = measured
    protocol = f"{threshold.protocol}; the rate is that within the group {group}"
    return replace(threshold, fmr=rate, fmr_interval=(low, high), protocol=protocol)


def _own(rates: "OwnRates", card: ModelCard) -> Threshold:
    assert rates.value is not None and rates.fmr is not None and rates.shown is not None
    return Threshold(
        value=rates.value,
        unit=card.unit,
        contract=card.contract,
        fmr=rates.shown,
        fmr_interval=rates.fmr.interval,
        protocol=f"{rates.pairs} pairs of {rates.people} people of this gallery, one image each",
    )


def _about_card(rates: "OwnRates", promised: Threshold | None, value: float) -> tuple[Message, ...]:
    if promised is None or rates.at_card is None or not rates.card_fails:
        return ()
    return (
        message(
            "card-fails",
            wanted=percent(rates.wanted),
            rate=interval(rates.at_card),
            threshold=score_text(value),
        ),
    )


def _in_unit(threshold: Threshold, card: ModelCard) -> float:
    """A threshold's value in the unit of the gallery's scores."""
    assert card.embedding is not None
    return convert(threshold.value, threshold.unit, UNIT_OF[card.embedding.metric], unit_length=False)


def _stricter(value: float, other: float, card: ModelCard) -> bool:
    return value > other if better_is_higher(card.unit) else value < other
