"""Open-set identification, 1:N: searches of enrolled and of unenrolled people in galleries of growing size.

Terms as in ISO/IEC 19795-1: FPIR is the share of searches of people who are not enrolled that return somebody, FNIR
the share of searches of enrolled people that do not return them first, both at a threshold; rank-k hits without a
threshold are for closed sets alone. A subject's score is the best of its templates. Opens no image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import ManifestError
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

    `moves` are those of the FNIR with the threshold's noise, of all who search, in the order of their numbers.
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
    """
    missing = np.empty(0, np.int64) if lost is None else lost
    return [_search(embeddings, subjects, metric, chosen, size, distractors, missing) for size in sizes]


def _search(
    embeddings: Floats,
    subjects: Indices,
    metric: Metric,
    chosen: SearchSet,
    size: int,
    distractors: Floats | None,
    lost: Indices,
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
    best, own, rank = _score(embeddings[chosen.probes], subjects[chosen.probes], templates, owners, metric)
    nobody = np.full(len(lost), -np.inf, np.float32)
    best, own = np.concatenate([best, nobody]), np.concatenate([own, nobody])
    rank = np.concatenate([rank, np.full(len(lost), np.iinfo(np.int64).max)])
    who = np.unique(searching, return_inverse=True)[1]
    mated_rows, other_rows = np.flatnonzero(mated), np.flatnonzero(~mated)
    lowest = SHOWN_BY / max(1, len(other_rows))
    points, curve = (
        [_point(rate, best, own, rank, (mated_rows, other_rows), who, metric) for rate in rates if rate >= lowest]
        for rates in ((1e-1, 1e-2, 1e-3, 1e-4), np.geomspace(0.5, min(0.5, lowest), CURVE).tolist())
    )
    enrolled = len(known) + max(0, extra)
    hits = [(k, _share(rank[mated_rows] < k, who[mated_rows])) for k in RANKS if k <= enrolled]
    return SearchResult(
        enrolled=enrolled,
        templates=len(templates),
        mated_searches=len(mated_rows),
        nonmated_searches=len(other_rows),
        points=tuple(points),
        curve=tuple(curve),
        hits=tuple(hits),
    )


def _score(
    probes: Floats, subjects: Indices, templates: Floats, owners: Indices, metric: Metric
) -> tuple[Floats, Floats, Indices]:
    """For each probe: the best similarity of anybody else, that of its own subject, and how many are better."""
    order = np.argsort(owners, kind="stable")
    templates, owners = templates[order], owners[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(owners)) + 1])
    people = owners[starts]
    best, own = np.empty(len(probes), np.float32), np.full(len(probes), -np.inf, np.float32)
    rank = np.full(len(probes), np.iinfo(np.int64).max)
    for first in range(0, len(probes), BLOCK):
        scores = score_all(probes[first : first + BLOCK], templates, metric)
        similar = np.maximum.reduceat(similarity(scores, metric), starts, axis=1)
        rows = np.arange(len(similar))
        place = np.minimum(np.searchsorted(people, subjects[first : first + BLOCK]), len(people) - 1)
        there = people[place] == subjects[first : first + BLOCK]
        mine = similar[rows, place].copy()
        similar[rows[there], place[there]] = -np.inf
        best[first : first + BLOCK] = similar.max(axis=1)
        own[first : first + BLOCK][there] = mine[there]
        rank[first : first + BLOCK][there] = (similar[there] >= mine[there, None]).sum(axis=1)
    return best, own, rank


def _point(
    wanted: float,
    best: Floats,
    own: Floats,
    rank: Indices,
    rows: tuple[Indices, Indices],
    who: Indices,
    metric: Metric,
) -> SearchPoint:
    mated, others = rows
    strangers = np.sort(best[others])[::-1]
    threshold = place_between(strangers, int(wanted * len(strangers) + 1e-9))
    first = np.where(rank[mated] == 0, own[mated], -np.inf)
    returned, missed = best[others] >= threshold, first < threshold
    fnir = _share(missed, who[mated])
    subjects, cost = int(who.max()) + 1, _price(strangers, np.sort(first), wanted)
    moves = _moves(missed, who[mated], subjects).plus(_moves(returned, who[others], subjects), cost)
    if 0 < fnir.value < 1:
        fnir = rate_of_moves(fnir.value, moves, fnir.count)
    return SearchPoint(wanted, similarity(threshold, metric), _share(returned, who[others]), fnir, moves)


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
