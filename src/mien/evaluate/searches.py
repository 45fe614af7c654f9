"""Open-set identification, 1:N: searches of enrolled and of unenrolled people in galleries of growing size.

Terms as in ISO/IEC 19795-1: FPIR is the share of searches of people who are not enrolled that return somebody, FNIR
the share of searches of enrolled people that do not return them first, both at a threshold; rank-k hits without a
threshold are for closed sets alone. A subject's score is the best of its templates. The gallery is a sample as much
as the searches are: see mien.evaluate.search_moves. Opens no image.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.errors import ManifestError
from mien.evaluate.search_moves import fpir_of_moves, moves_of_fpir
from mien.pairwise.operating_points import SHOWN_BY
from mien.pairwise.rates_at import place_between
from mien.rates import Estimate, Indices, Moves, moves_of_subjects, price, rate_of_moves, rate_of_subjects
from mien.scores import score_all, similarity
from mien.types import Floats
from mien.units import Metric

BLOCK = 1024
RANKS = (1, 2, 3, 5, 10, 20, 50)
CURVE = 24
"""Points of the curve of FNIR over FPIR."""


@dataclass(frozen=True, slots=True)
class SearchPoint:
    """FNIR at an FPIR, its interval with the threshold's noise; the threshold is in the metric's unit.

    `moves` are those of the FNIR with the threshold's noise, of all who search or are enrolled, in the order of their
    numbers; see `search`.
    """

    wanted: float
    threshold: float
    fpir: Estimate
    fnir: Estimate
    moves: Moves


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Searches in one gallery.

    Attributes:
        enrolled: subjects in the gallery, distractors included.
        templates: in the gallery.
        mated_searches: of enrolled people.
        nonmated_searches: of people who are not enrolled.
        points: FNIR at FPIR, loosest first, as far as the searches can show it.
        curve: FNIR at FPIR from a half to what the searches can show, evenly spaced in its logarithm.
        hits: share of mated searches with the right subject among the first k, for each k of RANKS up to the
            gallery's size.
    """

    enrolled: int
    templates: int
    mated_searches: int
    nonmated_searches: int
    points: tuple[SearchPoint, ...]
    curve: tuple[SearchPoint, ...]
    hits: tuple[tuple[int, Estimate], ...]


@dataclass(frozen=True, slots=True, eq=False)
class SearchSet:
    """Who is enrolled with which samples, and which samples search.

    Attributes:
        gallery: (G,) samples that are enrolled, subject by subject.
        probes: (P,) samples that search; of enrolled and of unenrolled people.
        known: subjects that may be enrolled, in a random order.
    """

    gallery: Indices
    probes: Indices
    known: Indices


def deal(subjects: Indices, *, templates: int = 1, probes: int = 5, seed: int = 0) -> SearchSet:
    """Choose who is enrolled and what searches.

    Of the people with more than `templates` samples, three of four may be enrolled, with their first samples, and
    search with up to `probes` others; the fourth, and everybody with fewer samples, is not enrolled and searches.

    Raises:
        ManifestError: nobody to enrol or nobody to stay unenrolled.
    """
    generator = np.random.default_rng(seed)
    numbers, counts = np.unique(subjects, return_counts=True)
    able = generator.permutation(numbers[counts > templates])
    known = able[: len(able) * 3 // 4]
    if not len(known) or len(known) == len(numbers):
        raise ManifestError(
            f"identification needs subjects with more than {templates} images to enrol, and others: of "
            f"{len(numbers)} subjects {len(able)} have so many"
        )
    order = np.argsort(subjects, kind="stable")
    gallery, searching = [], []
    enrolled = set(known.tolist())
    for own in np.split(order, np.flatnonzero(np.diff(subjects[order])) + 1):
        mine = np.sort(own)
        if int(subjects[mine[0]]) in enrolled:
            gallery.append(mine[:templates])
            searching.append(mine[templates : templates + probes])
        else:
            searching.append(mine[:probes])
    return SearchSet(np.concatenate(gallery), np.concatenate(searching), known)


def search(
    embeddings: Floats,
    subjects: Indices,
    metric: Metric,
    chosen: SearchSet,
    sizes: Sequence[int],
    distractors: Floats | None = None,
    lost: Indices | None = None,
    people: Indices | None = None,
) -> list[SearchResult]:
    """Search galleries of growing size.

    Args:
        embeddings: (N, D) float32.
        subjects: (N,) numbers.
        metric: cosine or l2.
        chosen: see deal.
        sizes: subjects in each gallery; distractors fill what the known people do not.
        distractors: (K, D) float32, one template each of people who never search; None has none.
        lost: (L,) subjects of searches that have no embedding, and so find nobody.
        people: rising numbers of all who search or are enrolled, here and in other galleries, so that the moves of
            several galleries have one order; None takes those of each gallery.
    """
    missing = np.empty(0, np.int64) if lost is None else lost
    return [_search(embeddings, subjects, metric, chosen, size, distractors, missing, people) for size in sizes]


def _search(
    embeddings: Floats,
    subjects: Indices,
    metric: Metric,
    chosen: SearchSet,
    size: int,
    distractors: Floats | None,
    lost: Indices,
    people: Indices | None,
) -> SearchResult:
    known = chosen.known[: min(size, len(chosen.known))]
    inside = np.isin(subjects[chosen.gallery], known)
    rows = chosen.gallery[inside]
    templates, owners = embeddings[rows], subjects[rows]
    extra = 0 if distractors is None else min(len(distractors), size - len(known))
    if distractors is not None and extra > 0:
        templates = np.concatenate([templates, distractors[:extra]])
        owners = np.concatenate([owners, -1 - np.arange(extra)])
    searching = np.concatenate([subjects[chosen.probes], lost])
    mated = np.isin(searching, known)
    # A known person who is not in this smaller gallery is a stranger to it.
    everyone = np.unique(np.concatenate([searching, owners])) if people is None else people
    scored = _score(embeddings[chosen.probes], subjects[chosen.probes], templates, owners, metric)
    searches = _Searches(scored.with_lost(len(lost)), mated, searching, np.unique(owners), everyone)
    lowest = SHOWN_BY / max(1, int((~mated).sum()))
    points, curve = (
        [_point(rate, searches, metric) for rate in rates if rate >= lowest]
        for rates in ((1e-1, 1e-2, 1e-3, 1e-4), np.geomspace(0.5, min(0.5, lowest), CURVE).tolist())
    )
    enrolled = len(known) + max(0, extra)
    ranks, who = searches.scored.rank[mated], searches.who[mated]
    hits = [(k, _share(ranks < k, who)) for k in RANKS if k <= enrolled]
    return SearchResult(
        enrolled=enrolled,
        templates=len(templates),
        mated_searches=int(mated.sum()),
        nonmated_searches=int((~mated).sum()),
        points=tuple(points),
        curve=tuple(curve),
        hits=tuple(hits),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """Of each search: the best similarity of anybody else, who that is, the best of all further people, that of the
    own subject, and how many are better."""

    best: Floats
    host: Indices
    second: Floats
    own: Floats
    rank: Indices

    def with_lost(self, count: int) -> "_Scored":
        """With searches that find nobody."""
        nobody, last = np.full(count, -np.inf, np.float32), np.full(count, np.iinfo(np.int64).max)
        return _Scored(
            best=np.concatenate([self.best, nobody]),
            host=np.concatenate([self.host, np.repeat(self.host[:1], count)]),
            second=np.concatenate([self.second, nobody]),
            own=np.concatenate([self.own, nobody]),
            rank=np.concatenate([self.rank, last]),
        )


class _Searches:
    """Searches with their scores, whether they are of enrolled people, and numbers from 0 for all people."""

    def __init__(
        self, scored: _Scored, mated: NDArray[np.bool_], searching: Indices, enrolled: Indices, everyone: Indices
    ) -> None:
        self.scored, self.mated, self.people = scored, mated, len(everyone)
        self.who, self.host, self.enrolled = (
            np.searchsorted(everyone, numbers).astype(np.int64) for numbers in (searching, scored.host, enrolled)
        )


def _score(probes: Floats, subjects: Indices, templates: Floats, owners: Indices, metric: Metric) -> _Scored:
    order = np.argsort(owners, kind="stable")
    templates, owners = templates[order], owners[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(owners)) + 1])
    people = owners[starts]
    best, own, second = (np.full(len(probes), -np.inf, np.float32) for _ in range(3))
    rank, host = np.full(len(probes), np.iinfo(np.int64).max), np.empty(len(probes), np.int64)
    for first in range(0, len(probes), BLOCK):
        part = slice(first, first + BLOCK)
        scores = score_all(probes[part], templates, metric)
        similar = np.maximum.reduceat(similarity(scores, metric), starts, axis=1)
        rows = np.arange(len(similar))
        place = np.minimum(np.searchsorted(people, subjects[part]), len(people) - 1)
        there = people[place] == subjects[part]
        mine = similar[rows, place].copy()
        similar[rows[there], place[there]] = -np.inf
        top = similar.argmax(axis=1)
        best[part], host[part] = similar[rows, top], people[top]
        own[part][there] = mine[there]
        rank[part][there] = (similar[there] >= mine[there, None]).sum(axis=1)
        similar[rows, top] = -np.inf
        second[part] = similar.max(axis=1)
    return _Scored(best, host, second, own, rank)


def _point(wanted: float, searches: _Searches, metric: Metric) -> SearchPoint:
    scored, mated, who, others = searches.scored, searches.mated, searches.who, ~searches.mated
    strangers = np.sort(scored.best[others])[::-1]
    threshold = place_between(strangers, int(wanted * len(strangers) + 1e-9))
    first = np.where(scored.rank[mated] == 0, scored.own[mated], -np.inf)
    returned, missed = scored.best[others] >= threshold, first < threshold
    alone = returned & (scored.second[others] < threshold)
    found = moves_of_fpir(returned, alone, who[others], searches.host[others], searches.enrolled, searches.people)
    fnir, cost = _share(missed, who[mated]), _price(strangers, np.sort(first), wanted)
    moves = _moves(missed, who[mated], searches.people).plus(found, cost)
    if 0 < fnir.value < 1:
        # A miss belongs to one person, so it takes no more people than without the threshold's noise.
        fnir = replace(rate_of_moves(fnir.value, moves, fnir.count), missing=fnir.missing)
    fpir = fpir_of_moves(returned, who[others], found)
    return SearchPoint(wanted, similarity(threshold, metric), fpir, fnir, moves)


def _price(strangers: Floats, first: Floats, fpir: float) -> float:
    """How much the FNIR rises while the FPIR falls by one unit, near a wanted FPIR.

    Args:
        strangers: best similarities of unenrolled people, best first.
        first: similarities at which enrolled people come first, minus infinity where they do not; rising.
        fpir: the wanted rate.
    """

    def missed(rate: float) -> float:
        limit = place_between(strangers, int(rate * len(strangers) + 1e-9))
        return float(np.searchsorted(first, np.float64(limit)) / len(first))

    return price(missed, fpir, 1 / len(strangers))


def _moves(events: NDArray[np.bool_], who: Indices, subjects: int) -> Moves:
    """Of a share of searches, for all who search."""
    return moves_of_subjects(np.bincount(who, events, minlength=subjects), np.bincount(who, minlength=subjects))


def _share(events: NDArray[np.bool_], who: Indices) -> Estimate:
    return rate_of_subjects(np.bincount(who, events), np.bincount(who))
