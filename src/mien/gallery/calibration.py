"""What a gallery's own people say of a threshold: computed once for each state of the gallery, and kept in it.

Keeps numbers alone and no names, so that nothing is left of a subject that is removed. Chooses no threshold; see
mien.gallery.thresholds.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from mien.errors import GalleryError
from mien.gallery.population import Population, measure_population
from mien.gallery.stores.base import Store
from mien.pairwise.operating_points import SHOWN_BY
from mien.rates import Estimate

KEPT = "calibration"
"""The name under which the answers are kept."""

LOOSEST = 1e-2
"""A gallery that cannot show this false match rate says nothing of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRates:
    """What a gallery's own people say of one false match rate.

    Attributes:
        wanted: the false match rate.
        people: subjects that were compared with each other, by one template each.
        enrolled: subjects of the gallery.
        pairs: comparisons, without those of suspected duplicates.
        duplicates: pairs of subjects that look like one person, which were left out.
        missing: how many more people it takes to choose a threshold for that rate.
        shown: the rate that the threshold was chosen for: the wanted one, or where people are missing the lowest one
            that they can show; None where they are too few for any.
        value: the threshold for it; None where there are too few people.
        fmr: the false match rate of that threshold, with its interval.
        at_card: the false match rate of the card's threshold for the wanted rate; None where the card has none.
    """

    wanted: float
    people: int
    enrolled: int
    pairs: int
    duplicates: int
    missing: int
    shown: float | None
    value: float | None
    fmr: Estimate | None
    at_card: Estimate | None

    @property
    def card_fails(self) -> bool:
        """Whether the card's threshold lets more of these people pass than it promises, beyond its interval."""
        return self.people >= 2 and self.at_card is not None and self.at_card.low > self.wanted


def own_rates(store: Store, fmr: float, card_threshold: float | None) -> OwnRates:
    """Look up what a gallery's own people say of a false match rate, or measure it.

    Args:
        store: the gallery's.
        fmr: the wanted rate.
        card_threshold: the card's threshold for it, in the gallery's unit.
    """
    state, question = store.change_number(), f"{fmr!r} {card_threshold!r}"
    kept = json.loads(store.read_kept(KEPT) or "{}")
    answers = kept.get("answers", {}) if kept.get("state") == state else {}
    if question in answers:
        return _read(answers[question])
    found = measure_rates(measure_population(store), fmr, card_threshold)
    # A gallery that cannot be written is measured again each time.
    with suppress(GalleryError):
        store.write_kept(KEPT, json.dumps({"state": state, "answers": {**answers, question: asdict(found)}}))
    return found


def _read(answer: dict[str, object]) -> OwnRates:
    rates = {
        name: None if answer[name] is None else Estimate(**answer[name])  # type: ignore[arg-type]
        for name in ("fmr", "at_card")
    }
    return OwnRates(**{**answer, **rates})  # type: ignore[arg-type]


def measure_rates(population: Population, fmr: float, card_threshold: float | None) -> OwnRates:
    """What a population says of a false match rate."""
    pairs = population.pairs.nonmated
    shown = fmr if population.can_show(fmr) else SHOWN_BY / pairs if population.can_show(LOOSEST) else None
    value = None if shown is None else population.threshold(shown)
    return OwnRates(
        wanted=fmr,
        people=population.people,
        enrolled=population.enrolled,
        pairs=pairs,
        duplicates=len(population.duplicates),
        missing=population.missing(fmr),
        shown=shown,
        value=value,
        fmr=None if value is None else population.fmr(value),
        at_card=None if card_threshold is None or not pairs else population.fmr(card_threshold),
    )
