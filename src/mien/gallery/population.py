"""A gallery's own people as a sample of those it is used on: who takes part, and how alike they are.

Any two different subjects are a non-mated comparison, so a gallery shows the false match rate of every threshold
among its own people, also where each of them has a single image. One template per subject takes part, the first:
pairs of people are what is independent, and further templates would only make a rate look surer than it is. Pairs
that look like one person under two names are left out and listed. Writes nothing and decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np

from mien.gallery.records import Owner
from mien.gallery.stores.base import Store
from mien.pairwise.all_pairs import PairStatistics, compare_all, mated_pairs, without_best
from mien.pairwise.operating_points import SHOWN_BY, can_show
from mien.pairwise.rates_at import accepted, fmr_at, threshold_at
from mien.rates import Estimate, Indices, rate_of_subjects
from mien.types import Floats

SAMPLED = 10_000
"""Subjects that take part, drawn at random where there are more: their 50 million pairs take about a second and show
a false match rate of 1e-6."""
OWN = 8
"""Templates per subject that are compared with each other, for the false non-match rate."""

TAIL = (0.1, 1e-3)
"""The share of most similar pairs that the tail is fitted to; in a gallery with less than one double in a thousand
pairs, doubles hardly reach into it."""
FITTED_FROM = 1000
"""Pairs below which no tail is fitted: its last part would be fewer than a hundred pairs."""
BY_CHANCE = 0.01
"""A pair is suspected where no more than this many pairs of the gallery would be as alike by chance."""


@dataclass(frozen=True, slots=True)
class SuspectedDuplicate:
    """Two subjects that look like one person enrolled under two names.

    Attributes:
        a: a subject.
        b: another one.
        score: of their first templates, in the metric's unit.
        a_id: the id of the one.
        b_id: the id of the other.
    """

    a: str
    b: str
    score: float
    a_id: str
    b_id: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Population:
    """How alike the people of a gallery are.

    Attributes:
        names: the subjects that took part.
        enrolled: number of subjects in the gallery.
        pairs: their comparisons, one template per subject, without suspected duplicates.
        duplicates: the pairs that were left out, most alike first.
        mated: (M,) similarities of templates of one subject.
        mated_owner: (M,) the subject of each, a place in `names`.
    """

    names: tuple[str, ...]
    enrolled: int
    pairs: PairStatistics
    duplicates: tuple[SuspectedDuplicate, ...]
    mated: Floats
    mated_owner: Indices

    @property
    def people(self) -> int:
        """Number of subjects that took part."""
        return len(self.names)

    def can_show(self, fmr: float) -> bool:
        """Whether there are enough people to choose a threshold for a false match rate."""
        return can_show(self.pairs, fmr)

    def missing(self, fmr: float) -> int:
        """How many more people it takes to choose a threshold for a false match rate."""
        return max(0, people_needed(fmr) - self.people)

    def threshold(self, fmr: float) -> float:
        """The threshold for a false match rate among these people, in the metric's unit.

        Raises:
            ValueError: there are too few people.
        """
        return threshold_at(self.pairs, fmr)

    def extrapolated(self, fmr: float) -> float | None:
        """The threshold for a false match rate that may be too low to be counted, by the tail of the similarities.

        It is good for suspicions, not for decisions. None where there are fewer than 46 people.
        """
        similarity = in_tail(self.pairs, fmr)
        return None if similarity is None else self.pairs.value(similarity)

    def fmr(self, threshold: float) -> Estimate:
        """The false match rate of a threshold among these people, with its interval by subject."""
        return fmr_at(self.pairs, threshold)

    def fnmr(self, threshold: float) -> Estimate | None:
        """The false non-match rate of a threshold; None where nobody has two images."""
        if not len(self.mated):
            return None
        missed = self.mated < np.float64(self.pairs.similarity(threshold))
        errors = np.bincount(self.mated_owner, missed, minlength=self.people)
        return rate_of_subjects(errors, np.bincount(self.mated_owner, minlength=self.people))

    def most_confused(self, threshold: float, count: int) -> list[tuple[str, float]]:
        """The subjects that the largest shares of the others pass for at a threshold, with these shares."""
        hits = self.pairs.tail_samples[: accepted(self.pairs, self.pairs.similarity(threshold))]
        matches = np.bincount(hits.reshape(-1), minlength=self.people)
        order = np.argsort(-matches, kind="stable")[:count]
        return [(self.names[place], float(matches[place] / (self.people - 1))) for place in order if matches[place]]


def people_needed(fmr: float) -> int:
    """How many people show a false match rate: their pairs must lead one to expect 10 false matches."""
    return ceil((1 + sqrt(1 + 8 * SHOWN_BY / fmr)) / 2)


def measure_population(store: Store, groups: Mapping[str, str] | None = None) -> Population:
    """Compare the people of a gallery with each other.

    Args:
        store: the gallery's.
        groups: the group of subjects, by name; those without one are in the group "other". With groups no duplicates
            are looked for and nothing is left out.
    """
    templates = store.first_templates(OWN)
    people = _drawn(sorted(templates))
    ids = np.array([number for one in people for number in templates[one]], np.int64)
    owner = np.repeat(np.arange(len(people)), [len(templates[one]) for one in people]).astype(np.int64)
    vectors = store.embeddings(ids)
    present = ~np.isnan(vectors).any(axis=1)
    vectors, owner = vectors[present], owner[present]
    first = np.unique(owner, return_index=True)[1]
    kept = [people[place] for place in owner[first]]
    strata = None if groups is None else [groups.get(one.name, "other") for one in kept]
    metric = store.identity.metric
    pairs = compare_all(vectors[first], np.arange(len(first)), metric, strata=strata)
    doubles = suspected(pairs) if groups is None else 0
    mated, samples = mated_pairs(vectors, owner, metric)
    return Population(
        names=tuple(one.name for one in kept),
        enrolled=len(templates),
        pairs=without_best(pairs, doubles) if doubles else pairs,
        duplicates=tuple(
            SuspectedDuplicate(kept[a].name, kept[b].name, pairs.value(float(score)), kept[a].id, kept[b].id)
            for (a, b), score in zip(pairs.tail_samples[:doubles].tolist(), pairs.tail[:doubles], strict=True)
        ),
        mated=mated,
        mated_owner=np.searchsorted(owner[first], owner[samples[:, 0]]),
    )


def _drawn(people: list[Owner]) -> list[Owner]:
    if len(people) <= SAMPLED:
        return people
    chosen = np.random.default_rng(0).permutation(len(people))[:SAMPLED]
    return [people[place] for place in np.sort(chosen)]


def suspected(pairs: PairStatistics) -> int:
    """How many of the most similar pairs are too alike for different people of this gallery.

    What is so far out in the tail that less than a hundredth of a pair is expected there is suspected. The limit
    comes from the gallery and not from a card, whose strictest threshold many different people of one group may pass.
    """
    limit = in_tail(pairs, BY_CHANCE / max(1, pairs.nonmated))
    return 0 if limit is None else accepted(pairs, limit)


def in_tail(pairs: PairStatistics, fmr: float) -> float | None:
    """The similarity that a share of all pairs reaches, from a normal distribution fitted to their tail.

    It also answers for shares that are too small to be counted; None where there are too few pairs for a tail.
    """
    total = pairs.nonmated
    if total < FITTED_FROM:
        return None
    shares = np.geomspace(TAIL[0], max(TAIL[1], 30 / total), 12)
    normal = NormalDist()
    places = np.array([-normal.inv_cdf(share) for share in shares])
    similarities = np.array([pairs.similarity(threshold_at(pairs, float(share))) for share in shares])
    spread, middle = np.polyfit(places, similarities, 1)
    return float(middle - spread * normal.inv_cdf(fmr))
