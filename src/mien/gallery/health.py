"""How well a gallery separates its own people: distributions, thresholds with what they cost, duplicates, groups.

Measures again each time and keeps nothing. Decides nothing: which threshold decides is in mien.gallery.thresholds.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.data.sample import canonical_subject
from mien.errors import CardError, MienError
from mien.gallery.identity import identity_of
from mien.gallery.population import Population, SuspectedDuplicate, measure_population
from mien.gallery.stores import open_store
from mien.gallery.stores.base import Store, require_identity
from mien.gallery.thresholds import choose_threshold
from mien.messages import Message
from mien.models import store as models
from mien.models.card import ModelCard
from mien.pairwise.strata import StratumRow, strata_at
from mien.rates import Estimate
from mien.settings import load_settings
from mien.types import Threshold
from mien.units import UNIT_OF, Unit, convert

RATES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""False match rates that are looked at, where a card or the people have a threshold for them."""
SHARES = (0.5, 0.1, 1e-2, 1e-3, 1e-4)
"""Shares of the most similar pairs whose limit is shown."""
CURVE = 25
"""Points of the curve of both error rates."""
CONFUSED = 5
"""Subjects that are listed for passing for most others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRow:
    """A false match rate, and what the thresholds for it do among the people of a gallery.

    Attributes:
        wanted: the false match rate.
        threshold: the gallery's own; None where people are missing.
        fmr: its false match rate.
        fnmr: its false non-match rate; None where nobody has two images.
        card_threshold: the card's; None where it has none.
        card_fmr: its false match rate here.
        card_fnmr: its false non-match rate here.
        missing: how many more people it takes for a threshold of their own.
    """

    wanted: float
    threshold: float | None
    fmr: Estimate | None
    fnmr: Estimate | None
    card_threshold: float | None
    card_fmr: Estimate | None
    card_fnmr: Estimate | None
    missing: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Health:
    """What is known of a gallery's people.

    Attributes:
        gallery: its address.
        model: whose embeddings it holds.
        unit: of all scores and thresholds.
        enrolled: number of subjects.
        people: number of subjects that were compared with each other, by one template each.
        templates: number of templates.
        several: number of compared subjects with more than one template.
        pairs: comparisons of different people, without suspected duplicates.
        nonmated: the score that a share of these pairs is at least as alike as, for each of SHARES that can be shown.
        mated: the same for pairs of templates of one subject.
        rows: one for each false match rate.
        curve: false match rate and false non-match rate of thresholds from strict to loose; empty where nobody has
            two images or there are fewer than two subjects.
        decides: the threshold that decides in identification, by the settings.
        notes: what has to be said of it.
        duplicates: pairs of subjects that look like one person, most alike first.
        confused: subjects that the largest shares of the others pass for at the threshold that decides.
        groups: the false match rate within and between groups at that threshold; empty where no groups were given.
        without_consent: number of subjects of whom no consent is known.
        not_found: number of subjects that recognition may not find now; see SubjectRow.is_found.
        traces_remain: whether something that was erased is still in the log, since another process reads.
    """

    gallery: str
    model: str
    unit: Unit
    enrolled: int
    people: int
    templates: int
    several: int
    pairs: int
    nonmated: tuple[tuple[float, float], ...]
    mated: tuple[tuple[float, float], ...]
    rows: tuple[HealthRow, ...]
    curve: tuple[tuple[float, float], ...]
    decides: Threshold | None
    notes: tuple[Message, ...]
    duplicates: tuple[SuspectedDuplicate, ...]
    confused: tuple[tuple[str, float], ...]
    groups: tuple[StratumRow, ...]
    without_consent: int
    not_found: int
    traces_remain: bool


def read_groups(path: Path) -> dict[str, str]:
    """Read the groups of subjects from a CSV with the columns subject and group.

    Raises:
        MienError: it cannot be read, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        return {canonical_subject(row["subject"]): row["group"] for row in rows}
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as reason:
        raise MienError(f"{path} is not a CSV file with the columns subject and group ({reason})") from reason


def gallery_health(
    gallery: str | Path, *, recognizer: str | None = None, groups: Mapping[str, str] | None = None
) -> Health:
    """Measure how well a gallery separates its own people, and which thresholds hold for them.

    Args:
        gallery: path or address.
        recognizer: a model's name or the path of its card; by default the gallery's own.
        groups: the group of each subject, by name; see read_groups.

    Raises:
        GalleryError: there is no such gallery.
        ContractError: the recognizer is not the gallery's.

    Example:
        >>> health = mien.gallery_health("staff.gallery")
        >>> health.people, health.rows[0].missing
        (2, 44)
    """
    store = open_store(gallery)
    try:
        card = models.load(recognizer or store.identity.model).card
        require_identity(store, identity_of(card))
        return measure_health(store, card, groups)
    finally:
        store.close()


def measure_health(store: Store, card: ModelCard, groups: Mapping[str, str] | None = None) -> Health:
    """Measure an open gallery; see gallery_health."""
    population = measure_population(store)
    try:
        chosen = choose_threshold(store, card, load_settings().identification_fmr)
        decides, notes = chosen.threshold, chosen.notes
    except CardError:
        decides, notes = None, ()
    limit = None if decides is None else _value(decides, card)
    subjects, settings = store.subjects(), store.settings()
    within = () if groups is None or limit is None else strata_at(measure_population(store, groups).pairs, limit)
    return Health(
        gallery=store.address,
        model=card.name,
        unit=card.unit,
        enrolled=population.enrolled,
        people=population.people,
        templates=store.count(),
        several=len(np.unique(population.mated_owner)),
        pairs=population.pairs.nonmated,
        nonmated=_nonmated(population),
        mated=_mated(population),
        rows=tuple(_rows(population, card)),
        curve=_curve(population),
        decides=decides,
        notes=notes,
        duplicates=population.duplicates,
        confused=() if limit is None else tuple(population.most_confused(limit, CONFUSED)),
        groups=tuple(within),
        without_consent=sum(row.consent is None for row in subjects),
        not_found=sum(not row.is_found(settings) for row in subjects),
        traces_remain=store.traces_remain(),
    )


def _nonmated(population: Population) -> tuple[tuple[float, float], ...]:
    pairs = population.pairs.nonmated
    return tuple((share, population.threshold(share)) for share in SHARES if share * pairs >= 1)


def _mated(population: Population) -> tuple[tuple[float, float], ...]:
    ordered = np.sort(population.mated)[::-1]
    places = [(share, int(share * len(ordered))) for share in (0.5, 0.9, 0.99)]
    return tuple(
        (share, population.pairs.value(float(ordered[place])))
        for share, place in places
        if (1 - share) * len(ordered) >= 1
    )


def _curve(population: Population) -> tuple[tuple[float, float], ...]:
    """The detection error tradeoff among the people (ISO/IEC 19795-1), at rates that their pairs can show."""
    pairs = population.pairs.nonmated
    if not pairs or not len(population.mated):
        return ()
    points = []
    for share in np.geomspace(min(1 / pairs, 0.5), 0.5, CURVE).tolist():
        limit = population.pairs.similarity(population.threshold(share))
        points.append((share, float(np.mean(population.mated < np.float64(limit)))))
    return tuple(points)


def _rows(population: Population, card: ModelCard) -> list[HealthRow]:
    on_card = {row.fmr: _value(card.threshold(row.fmr), card) for row in card.thresholds}
    wanted = sorted({*on_card, *(rate for rate in RATES if population.can_show(rate))}, reverse=True)
    return [_row(population, rate, on_card.get(rate)) for rate in wanted or RATES[:1]]


def _row(population: Population, wanted: float, on_card: float | None) -> HealthRow:
    own = population.threshold(wanted) if population.can_show(wanted) else None
    some = population.pairs.nonmated > 0
    return HealthRow(
        wanted=wanted,
        threshold=own,
        fmr=None if own is None else population.fmr(own),
        fnmr=None if own is None else population.fnmr(own),
        card_threshold=on_card,
        card_fmr=population.fmr(on_card) if on_card is not None and some else None,
        card_fnmr=None if on_card is None else population.fnmr(on_card),
        missing=population.missing(wanted),
    )


def _value(threshold: Threshold, card: ModelCard) -> float:
    assert card.embedding is not None
    return convert(threshold.value, threshold.unit, UNIT_OF[card.embedding.metric], unit_length=False)
