"""Pairs of samples that people should inspect: the most similar non-mated and the least similar mated ones."""

from collections import Counter

import numpy as np

from mien.evaluate.report import PairRow, Pairs
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import message
from mien.messages import Text
from mien.pairwise.all_pairs import PairStatistics
from mien.rates import Indices
from mien.types import Floats

SHOWN_PAIRS = 24
"""Pairs in a list."""
SEARCHED = 10_000
"""Pairs among which they are looked for."""
MAX_OF_ONE = 2
"""Maximum number of pairs in a list that show one image, so that a single bad one does not fill it."""


def pair_row(embedded: Embedded, a: int, b: int, score: float, note: Text = "") -> PairRow:
    """Two samples with where their images are; the score is in the metric's unit."""
    return PairRow(
        score=score,
        a=embedded.paths[a],
        b=embedded.paths[b],
        subject_a=embedded.subjects[a],
        subject_b=embedded.subjects[b],
        record_a=embedded.records[a],
        record_b=embedded.records[b],
        note=note,
    )


def pair_rows(embedded: Embedded, pairs: PairStatistics, scores: Floats, samples: Indices) -> list[PairRow]:
    """Some of all comparisons, by their similarities; two samples of one and the same file say so."""
    rows = []
    for score, (a, b) in zip(scores.tolist(), samples.tolist(), strict=True):
        same = embedded.sha256[a] and embedded.sha256[a] == embedded.sha256[b]
        note: Text = message("pairs.same-file") if same else ""
        rows.append(pair_row(embedded, a, b, pairs.value(score), note))
    return rows


def varied(samples: Indices, scores: Floats) -> tuple[Floats, Indices]:
    """The first pairs of a list, without further ones of an image that was shown often enough.

    Args:
        samples: (K, 2) which samples, in the order in which they would be shown.
        scores: (K,) theirs.
    """
    seen: Counter[int] = Counter()
    chosen: list[int] = []
    for place, pair in enumerate(samples.tolist()):
        if all(seen[sample] < MAX_OF_ONE for sample in pair):
            seen.update(pair)
            chosen.append(place)
        if len(chosen) == SHOWN_PAIRS:
            break
    return scores[chosen], samples[chosen]


def most_similar(embedded: Embedded, pairs: PairStatistics, unit: str) -> Pairs:
    """The most similar non-mated pairs: people who are in the set twice, wrong labels, or confusable-people."""
    return Pairs(
        title=message("pairs.most-similar"),
        unit=unit,
        rows=tuple(pair_rows(embedded, pairs, *varied(pairs.tail_samples[:SEARCHED], pairs.tail[:SEARCHED]))),
        note=message("pairs.most-similar-note"),
    )


def least_similar(embedded: Embedded, pairs: PairStatistics, unit: str) -> Pairs:
    """The least similar mated pairs: wrong labels, bad images, or what the model cannot do."""
    order = np.argsort(pairs.mated, kind="stable")[:SEARCHED]
    return Pairs(
        title=message("pairs.least-similar"),
        unit=unit,
        rows=tuple(pair_rows(embedded, pairs, *varied(pairs.mated_samples[order], pairs.mated[order]))),
        note=message("pairs.least-similar-note"),
    )
