"""The score matrix in blocks that fit the processor's cache: their scores, and the counts of their bins.

Owns which comparisons of a block count. Keeps nothing: counts are returned, and the best scores go to BestPairs.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.pairwise.best_pairs import BestPairs
from mien.rates import Indices
from mien.scores import NORMS, is_normalized, normalized
from mien.types import Floats
from mien.units import Metric, base_metric

ROWS, COLUMNS = 1024, 2048
"""Scores of a block."""


BINS = 256
"""Bins of the histogram: 0 and 255 hold everything beyond the range."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows and columns of the score matrix, in the sorted order, within one pair of strata."""

    row: int
    row_end: int
    column: int
    column_end: int
    pair: int


@dataclass(frozen=True, slots=True, eq=False)
class SortedSamples:
    """The samples by stratum and subject: mated pairs are next to each other, and a block has one stratum."""

    embeddings: Floats
    squares: Floats
    subjects: NDArray[np.int32]
    order: Indices
    metric: Metric
    norms: Floats | None = None
    """(N, 2) what a normalized metric keeps behind each embedding."""

    def whole(self, rows: Indices) -> Floats:
        """Some rows as the metric scores them."""
        if self.norms is None:
            return self.embeddings[rows]
        return np.concatenate([self.embeddings[rows], self.norms[rows]], axis=1)


def sort_samples(embeddings: Floats, subjects: Indices, stratum: Indices, metric: Metric) -> SortedSamples:
    """Sort samples; rows of embeddings that are compared by cosine get unit length."""
    order = np.lexsort((subjects, stratum))
    ready, norms = embeddings[order], None
    if is_normalized(metric):
        ready, norms = np.ascontiguousarray(ready[:, :-NORMS]), np.ascontiguousarray(ready[:, -NORMS:])
    squares = np.einsum("nd,nd->n", ready, ready)
    if base_metric(metric) == "cosine":
        ready /= np.sqrt(np.maximum(squares, 1e-24))[:, None]
    return SortedSamples(ready, squares, subjects[order].astype(np.int32), order, metric, norms)


def blocks_of(sizes: Indices, pairs: Sequence[tuple[int, int]]) -> Iterator[Block]:
    """Blocks of the upper half of the matrix, none of which crosses a stratum's edge."""
    edges = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    for pair, (a, b) in enumerate(pairs):
        for row in range(edges[a], edges[a + 1], ROWS):
            row_end = min(row + ROWS, edges[a + 1])
            for column in range(row if a == b else edges[b], edges[b + 1], COLUMNS):
                yield Block(row, row_end, column, min(column + COLUMNS, edges[b + 1]), pair)


def count_block(
    ready: SortedSamples, block: Block, low: float, width: float, best: BestPairs, buffers: threading.local
) -> NDArray[np.int64]:
    """(256,) how many non-mated comparisons of a block are in each bin; the best of them go to `best`."""
    if not hasattr(buffers, "scores"):
        buffers.scores = np.empty(ROWS * COLUMNS, np.float32)
        buffers.bins = np.empty((ROWS * COLUMNS, 1), np.uint8)
    scores = _scores(ready, block, buffers.scores)
    allowed = _allowed(ready, block)
    chosen = scores.reshape(-1) if allowed is None else scores[allowed]
    bins = buffers.bins[: len(chosen)]
    # Rounds to the nearest whole number and saturates, so that bin 1 begins at `low`.
    alpha, beta = 1 / width, 0.5 - low / width
    cv2.addWeighted(chosen.reshape(-1, 1), alpha, chosen.reshape(-1, 1), 0, beta, dst=bins, dtype=cv2.CV_8U)
    counted = cv2.calcHist([bins], [0], None, [BINS], [0, BINS])
    hits = _beyond(chosen, bins.reshape(-1), best.bound, (best.bound - low) / width)
    if len(hits):
        places = hits if allowed is None else np.flatnonzero(allowed)[hits]
        row, column = np.divmod(places, scores.shape[1])
        pairs = np.column_stack([row + block.row, column + block.column]).astype(np.int32)
        best.add(chosen[hits], pairs)
    return np.asarray(counted, np.float64).reshape(-1).astype(np.int64)


def _beyond(scores: Floats, bins: NDArray[np.uint8], bound: float, place: float) -> Indices:
    """Which scores are above a bound; whole stretches are skipped by their bins, which are read faster."""
    lowest = int(np.clip(np.floor(place), 0, BINS - 1))
    whole = len(bins) // COLUMNS * COLUMNS
    stretches = np.flatnonzero(bins[:whole].reshape(-1, COLUMNS).max(axis=1, initial=0) >= lowest)
    inner = np.flatnonzero(scores[:whole].reshape(-1, COLUMNS)[stretches] > bound)
    rest = np.flatnonzero(scores[whole:] > bound) + whole
    return np.concatenate([stretches[inner // COLUMNS] * COLUMNS + inner % COLUMNS, rest])


def _scores(ready: SortedSamples, block: Block, buffer: Floats) -> Floats:
    rows = ready.embeddings[block.row : block.row_end]
    columns = ready.embeddings[block.column : block.column_end]
    scores = buffer[: len(rows) * len(columns)].reshape(len(rows), len(columns))
    np.matmul(rows, columns.T, out=scores)
    if base_metric(ready.metric) == "l2":
        scores *= -2
        scores += ready.squares[block.row : block.row_end, None]
        scores += ready.squares[None, block.column : block.column_end]
        np.maximum(scores, 0, out=scores)
        np.sqrt(scores, out=scores)
        np.negative(scores, out=scores)
    if ready.norms is not None:
        np.copyto(scores, _normalized(ready, block, scores, ready.norms))
    return scores


def _normalized(ready: SortedSamples, block: Block, scores: Floats, norms: Floats) -> Floats:
    """The scores of a block with a normalized metric; of two samples, the one earlier in the set is enrolled."""
    rows, columns = slice(block.row, block.row_end), slice(block.column, block.column_end)
    first, second = norms[rows][:, None], norms[columns][None, :]
    if ready.metric.startswith("s"):
        return normalized(scores, first, second, ready.metric)
    earlier = (ready.order[rows][:, None] < ready.order[columns][None, :])[..., None]
    return normalized(scores, np.where(earlier, first, second), np.where(earlier, second, first), ready.metric)


def _allowed(ready: SortedSamples, block: Block) -> NDArray[np.bool_] | None:
    """Which comparisons of a block count: above the diagonal and not mated; None where all do."""
    rows, columns = ready.subjects[block.row : block.row_end], ready.subjects[block.column : block.column_end]
    diagonal = block.column < block.row_end and block.row < block.column_end
    apart = rows[-1] < columns[0] or columns[-1] < rows[0]
    if not diagonal and (apart or not np.isin(rows, columns).any()):
        return None
    allowed = rows[:, None] != columns[None, :]
    if diagonal:
        above = np.arange(block.row, block.row_end)[:, None] < np.arange(block.column, block.column_end)[None, :]
        allowed &= above
    return np.asarray(allowed, bool)
