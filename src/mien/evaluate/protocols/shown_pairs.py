"""Pairs of samples that people should inspect: the most similar non-mated and the least similar mated ones."""

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


def most_similar(embedded: Embedded, pairs: PairStatistics, unit: str) -> Pairs:
    """The most similar non-mated pairs: people who are in the set twice, wrong labels, or look-alikes."""
    return Pairs(
        title=message("pairs.most-similar"),
        unit=unit,
        rows=tuple(pair_rows(embedded, pairs, pairs.tail[:SHOWN_PAIRS], pairs.tail_samples[:SHOWN_PAIRS])),
        note=message("pairs.most-similar-note"),
    )


def least_similar(embedded: Embedded, pairs: PairStatistics, unit: str) -> Pairs:
    """The least similar mated pairs: wrong labels, bad images, or what the model cannot do."""
    order = np.argsort(pairs.mated, kind="stable")[:SHOWN_PAIRS]
    return Pairs(
        title=message("pairs.least-similar"),
        unit=unit,
        rows=tuple(pair_rows(embedded, pairs, pairs.mated[order], pairs.mated_samples[order])),
        note=message("pairs.least-similar-note"),
    )
