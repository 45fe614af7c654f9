"""All comparisons of a set, in one pass over blocks of the score matrix, in bounded memory and on all cores.

Owns what is kept of them: every mated score, a histogram of all non-mated scores for each pair of strata, and exactly
the most similar non-mated comparisons, with who they are. Computes no rate; see mien.evaluate.curve.

A block of 1024 x 2048 scores stays in the processor's cache between the product and the counting, so counting costs
little beside the product. Each thread multiplies on its own with one BLAS thread (docs/log.md has the measurements).
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mien.models.engines import usable_cores
from mien.scores import score_all, score_pairs
from mien.types import Floats, Metric

ROWS, COLUMNS = 1024, 2048
"""Scores of a block."""
BINS = 256
"""Bins of the histogram: 0 and 255 hold everything beyond the range."""
KEPT = 1_000_000
"""Most similar non-mated comparisons that are kept exactly, where nothing else is asked for."""
DRAWN = 1024
"""Samples drawn twice, whose comparisons set the histogram's range and the first bound."""

SUBJECTS_DRAWN = 200
"""Subjects whose own histograms are kept."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PairStatistics:
    """What is kept of all comparisons. Scores are similarities: a cosine, or minus an L2 distance.

    Attributes:
        metric: of the embeddings.
        subjects: (N,) number of each sample's subject.
        strata: names of the strata.
        stratum: (N,) number of each sample's stratum.
        low: lower edge of bin 1.
        width: width of a bin.
        histogram: (P, 256) non-mated comparisons, for each pair of strata (a <= b).
        pair_of: (a, b) of each row of the histogram.
        bound: every non-mated comparison above this similarity is in the tail.
        tail: (T,) similarities, best first.
        tail_samples: (T, 2) which samples.
        mated: (M,) similarities of all mated comparisons.
        mated_samples: (M, 2) which samples.
        drawn: (R,) subjects drawn at random.
        drawn_histogram: (R, 256) the non-mated comparisons of each of them.
    """

    metric: Metric
    subjects: Indices
    strata: tuple[str, ...]
    stratum: Indices
    low: float
    width: float
    histogram: NDArray[np.int64]
    pair_of: tuple[tuple[int, int], ...]
    bound: float
    tail: Floats
    tail_samples: Indices
    mated: Floats
    mated_samples: Indices
    drawn: Indices
    drawn_histogram: NDArray[np.int64]

    @property
    def nonmated(self) -> int:
        """Non-mated comparisons in all."""
        return int(self.histogram.sum())

    def similarity(self, value: float) -> float:
        """A value in the metric's unit as a similarity."""
        return value if self.metric == "cosine" else -value

    def value(self, similarity: float) -> float:
        """A similarity as a value in the metric's unit."""
        return similarity if self.metric == "cosine" else -similarity


@dataclass(slots=True)
class _Tail:
    """The best non-mated comparisons so far; shared by the threads."""

    keep: int
    bound: float
    scores: list[Floats] = field(default_factory=list)
    pairs: list[NDArray[np.int32]] = field(default_factory=list)
    held: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, scores: Floats, pairs: NDArray[np.int32]) -> None:
        with self.lock:
            self.scores.append(scores)
            self.pairs.append(pairs)
            self.held += len(scores)
            if self.held > 3 * self.keep:
                self._prune()

    def _prune(self) -> None:
        scores, pairs = np.concatenate(self.scores), np.concatenate(self.pairs)
        limit = float(np.partition(scores, len(scores) - self.keep)[len(scores) - self.keep])
        # Ties with the limit go, so that everything above the bound is there.
        chosen = scores > limit
        self.bound = max(self.bound, limit)
        self.scores, self.pairs, self.held = [scores[chosen]], [pairs[chosen]], int(chosen.sum())

    def sorted(self) -> tuple[Floats, Indices]:
        if self.held > self.keep + 1:
            self._prune()
        if not self.held:
            return np.empty(0, np.float32), np.empty((0, 2), np.int64)
        scores, pairs = np.concatenate(self.scores), np.concatenate(self.pairs).astype(np.int64)
        above = scores > self.bound
        scores, pairs = scores[above], pairs[above]
        # Threads finish in any order, so ties are put in the order of the samples.
        first = np.argsort(pairs[:, 0] << 32 | pairs[:, 1])
        order = first[np.argsort(-scores[first], kind="stable")]
        return scores[order], pairs[order]


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows and columns of the score matrix, in the sorted order, within one pair of strata."""

    row: int
    row_end: int
    column: int
    column_end: int
    pair: int


@dataclass(frozen=True, slots=True, eq=False)
class _Sorted:
    """The samples by stratum and subject, so that mated pairs lie together and a block has one stratum."""

    embeddings: Floats
    squares: Floats
    subjects: NDArray[np.int32]
    order: Indices
    metric: Metric


def compare_all(
    embeddings: Floats,
    subjects: Indices,
    metric: Metric,
    *,
    strata: Sequence[str] | None = None,
    keep: int = KEPT,
) -> PairStatistics:
    """Compare every sample with every other.

    Args:
        embeddings: (N, D) float32, finite.
        subjects: (N,) numbers.
        metric: cosine or l2.
        strata: N names; None is one stratum.
        keep: how many of the most similar non-mated comparisons to keep exactly.
    """
    names, stratum = np.unique(np.asarray(strata or ["all"] * len(subjects)), return_inverse=True)
    stratum = stratum.astype(np.int64)
    ready = _sort(embeddings, subjects, stratum, metric)
    low, high, bound = _range(ready, keep, len(subjects))
    pairs = [(a, b) for a in range(len(names)) for b in range(a, len(names))]
    blocks = list(_blocks(np.bincount(stratum, minlength=len(names)), pairs))
    tail = _Tail(keep, bound)
    counts = np.zeros((len(pairs), BINS), np.int64)
    lock = threading.Lock()
    width = (high - low) / (BINS - 2)
    buffers = threading.local()

    def work(block: _Block) -> None:
        histogram = _count(ready, block, low, width, tail, buffers)
        with lock:
            counts[block.pair] += histogram

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(usable_cores()) as pool:
        for _ in pool.map(work, blocks):
            pass
    scores, samples = tail.sorted()
    mated, mated_samples = mated_pairs(embeddings, subjects, metric)
    return PairStatistics(
        metric,
        subjects,
        tuple(str(name) for name in names),
        stratum,
        low,
        width,
        counts,
        tuple(pairs),
        tail.bound,
        scores,
        np.sort(ready.order[samples], axis=1),
        mated,
        mated_samples,
        *_draw(embeddings, subjects, metric, low, width),
    )


def _draw(
    embeddings: Floats, subjects: Indices, metric: Metric, low: float, width: float
) -> tuple[Indices, NDArray[np.int64]]:
    """The histograms of some subjects, which tell how much subjects differ where comparisons are not kept."""
    everyone = np.unique(subjects)
    drawn = np.sort(np.random.default_rng(1).permutation(everyone)[:SUBJECTS_DRAWN])
    counts = np.zeros((len(drawn), BINS), np.int64)
    rows = np.flatnonzero(np.isin(subjects, drawn))
    for part in np.array_split(rows, max(1, len(rows) // 64)):
        scores = score_all(embeddings[part], embeddings, metric)
        similar = scores if metric == "cosine" else -scores
        for row, values in zip(part, similar, strict=True):
            others = values[subjects != subjects[row]]
            bins = np.clip(np.rint((others - low) / width + 0.5), 0, BINS - 1).astype(np.int64)
            counts[np.searchsorted(drawn, subjects[row])] += np.bincount(bins, minlength=BINS)
    return drawn, counts


def _sort(embeddings: Floats, subjects: Indices, stratum: Indices, metric: Metric) -> _Sorted:
    order = np.lexsort((subjects, stratum))
    ready = embeddings[order]
    squares = np.einsum("nd,nd->n", ready, ready)
    if metric == "cosine":
        ready /= np.sqrt(np.maximum(squares, 1e-24))[:, None]
    return _Sorted(ready, squares, subjects[order].astype(np.int32), order, metric)


def _range(ready: _Sorted, keep: int, count: int) -> tuple[float, float, float]:
    """The histogram's range and a first bound for the tail, from comparisons drawn at random."""
    generator = np.random.default_rng(0)
    total = count * (count - 1) / 2
    a, b = (generator.permutation(count)[:DRAWN] for _ in range(2))
    scores = score_all(ready.embeddings[a], ready.embeddings[b], ready.metric)
    drawn = (scores if ready.metric == "cosine" else -scores)[ready.subjects[a][:, None] != ready.subjects[b]]
    if not len(drawn):
        return -1.0, 1.0, -np.inf
    middle, spread = float(drawn.mean()), max(1e-4, float(drawn.std()))
    limits = (-1.0, 1.0) if ready.metric == "cosine" else (-np.inf, 0.0)
    low, high = max(limits[0], middle - 8 * spread), min(limits[1], middle + 8 * spread)
    # More comparisons than are wanted are let through, since the quantile is drawn.
    share = 1.4 * keep / max(1.0, total)
    rank = int(share * len(drawn))
    bound = -np.inf
    if share < 0.5:
        bound = float(np.partition(drawn, len(drawn) - max(rank, 20))[len(drawn) - max(rank, 20)])
    return low, max(high, low + 1e-3), bound


def _blocks(sizes: Indices, pairs: Sequence[tuple[int, int]]) -> Iterator[_Block]:
    """Blocks of the upper half of the matrix, none of which crosses a stratum's edge."""
    edges = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    for pair, (a, b) in enumerate(pairs):
        for row in range(edges[a], edges[a + 1], ROWS):
            row_end = min(row + ROWS, edges[a + 1])
            for column in range(row if a == b else edges[b], edges[b + 1], COLUMNS):
                yield _Block(row, row_end, column, min(column + COLUMNS, edges[b + 1]), pair)


def _count(
    ready: _Sorted, block: _Block, low: float, width: float, tail: _Tail, buffers: threading.local
) -> NDArray[np.int64]:
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
    hits = _beyond(chosen, bins.reshape(-1), tail.bound, (tail.bound - low) / width)
    if len(hits):
        places = hits if allowed is None else np.flatnonzero(allowed)[hits]
        row, column = np.divmod(places, scores.shape[1])
        pairs = np.column_stack([row + block.row, column + block.column]).astype(np.int32)
        tail.add(chosen[hits], pairs)
    return np.asarray(counted, np.float64).reshape(-1).astype(np.int64)


def _beyond(scores: Floats, bins: NDArray[np.uint8], bound: float, place: float) -> Indices:
    """Which scores lie above a bound; whole stretches are passed over by their bins, which are read faster."""
    lowest = int(np.clip(np.floor(place), 0, BINS - 1))
    whole = len(bins) // COLUMNS * COLUMNS
    stretches = np.flatnonzero(bins[:whole].reshape(-1, COLUMNS).max(axis=1, initial=0) >= lowest)
    inner = np.flatnonzero(scores[:whole].reshape(-1, COLUMNS)[stretches] > bound)
    rest = np.flatnonzero(scores[whole:] > bound) + whole
    return np.concatenate([stretches[inner // COLUMNS] * COLUMNS + inner % COLUMNS, rest])


def _scores(ready: _Sorted, block: _Block, buffer: Floats) -> Floats:
    rows = ready.embeddings[block.row : block.row_end]
    columns = ready.embeddings[block.column : block.column_end]
    scores = buffer[: len(rows) * len(columns)].reshape(len(rows), len(columns))
    np.matmul(rows, columns.T, out=scores)
    if ready.metric == "l2":
        scores *= -2
        scores += ready.squares[block.row : block.row_end, None]
        scores += ready.squares[None, block.column : block.column_end]
        np.maximum(scores, 0, out=scores)
        np.sqrt(scores, out=scores)
        np.negative(scores, out=scores)
    return scores


def _allowed(ready: _Sorted, block: _Block) -> NDArray[np.bool_] | None:
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


def mated_pairs(embeddings: Floats, subjects: Indices, metric: Metric) -> tuple[Floats, Indices]:
    """Similarities of all mated comparisons, and which samples they compare."""
    order = np.argsort(subjects, kind="stable")
    edges = np.flatnonzero(np.diff(subjects[order])) + 1
    found = []
    for own in np.split(order, edges):
        if len(own) > 1:
            row, column = np.triu_indices(len(own), 1)
            found.append(np.column_stack([own[row], own[column]]))
    if not found:
        return np.empty(0, np.float32), np.empty((0, 2), np.int64)
    samples = np.sort(np.concatenate(found).astype(np.int64), axis=1)
    scores = [
        score_pairs(embeddings[part[:, 0]], embeddings[part[:, 1]], metric)
        for part in np.array_split(samples, max(1, len(samples) // 65536))
    ]
    similar = np.concatenate(scores)
    return (similar if metric == "cosine" else -similar), samples
