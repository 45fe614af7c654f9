"""Who and what is in two data sets at once: the same photographs, nearly the same ones, and the same faces.

Exact photographs are found by the sha256 of their bytes, near-duplicates by a perceptual hash, faces by embeddings
and a threshold with a known false match rate. Computes no embeddings and decides nothing about people: two subjects
beyond the threshold are a suspicion, and the false match rate times the pairs of subjects is the number of pairs that
chance alone may give.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mien.data.phash import NEAR, Fingerprint, near_hashes
from mien.scores import score_all, similarity
from mien.types import Floats
from mien.units import Metric

Kind = Literal["exact", "near", "same face"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, eq=False)
class FaceVectors:
    """Embedded samples: (N, D) float32, and (N,) numbers of their subjects."""

    embeddings: Floats
    subjects: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Overlap:
    """A row of set A and a row of set B that belong together.

    Attributes:
        kind: exact, near or same face; the first that holds.
        a: the row in A.
        b: the row in B.
        value: 0 for exact, differing bits for near, the median score of their subjects for a face.
    """

    kind: Kind
    a: int
    b: int
    value: float


def same_photographs(a: Sequence[Fingerprint | str], b: Sequence[Fingerprint | str]) -> Iterator[Overlap]:
    """Pairs of rows that are the same photograph, exactly or nearly."""
    known: dict[str, list[int]] = {}
    for index, one in enumerate(b):
        if isinstance(one, Fingerprint):
            known.setdefault(one.sha256, []).append(index)
    exact = set()
    for index, one in enumerate(a):
        for other in known.get(one.sha256, []) if isinstance(one, Fingerprint) else []:
            exact.add((index, other))
            yield Overlap("exact", index, other, 0.0)
    (rows, hashes), (others, other_hashes) = _hashes(a), _hashes(b)
    for place, other, bits in near_hashes(hashes, other_hashes, NEAR):
        row, column = rows[place], others[other]
        if (row, column) not in exact:
            yield Overlap("near", row, column, float(bits))


def _hashes(marks: Sequence[Fingerprint | str]) -> tuple[list[int], list[int]]:
    """Rows with a perceptual hash, and their hashes."""
    known = [(i, one.phash) for i, one in enumerate(marks) if isinstance(one, Fingerprint) and one.phash is not None]
    return [row for row, _ in known], [phash for _, phash in known]


def same_faces(a: FaceVectors, b: FaceVectors, metric: Metric, threshold: float) -> Iterator[Overlap]:
    """Pairs of subjects, half of whose comparisons match at a threshold in the metric's unit.

    Single comparisons of large sets match by chance, and one in ten thousand is a great many; two subjects of whom
    half of all comparisons match are rarely two people.

    Args:
        a: the samples of one set.
        b: those of the other.
        metric: cosine or l2.
        threshold: accepted at or beyond it.

    Yields:
        For each pair of subjects its most similar rows, and the median score.
    """
    limit = np.float32(similarity(threshold, metric))
    order = np.argsort(b.subjects, kind="stable")
    vectors, starts = b.embeddings[order], np.flatnonzero(np.diff(b.subjects[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    for subject in np.unique(a.subjects):
        rows = np.flatnonzero(a.subjects == subject)
        similar = similarity(score_all(a.embeddings[rows], vectors, metric), metric)
        best = np.maximum.reduceat(similar.max(axis=0), starts)
        for group in np.flatnonzero(best >= limit):
            scores = similar[:, starts[group] : ends[group]]
            middle = float(np.median(scores))
            if middle >= limit:
                row, column = np.unravel_index(int(np.argmax(scores)), scores.shape)
                yield Overlap(
                    "same face", int(rows[row]), int(order[starts[group] + column]), similarity(middle, metric)
                )
