"""All comparisons of a set, in one pass over blocks of the score matrix, in bounded memory and on all cores.

Owns what is kept of them: every mated score, a histogram of all non-mated scores for each pair of strata, and exactly
the most similar non-mated comparisons, with who they are. Computes no rate; see mien.pairwise.rates_at.

A block of 1024 x 2048 scores stays in the processor's cache between the product and the counting, so counting costs
little next to the product. Each thread multiplies on its own with one BLAS thread (docs/log.md has the measurements).
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mien.models.engines import usable_cores
from mien.pairwise.best_pairs import BestPairs
from mien.pairwise.score_blocks import BINS, Block, SortedSamples, blocks_of, count_block, sort_samples
from mien.rates import Indices
from mien.scores import score_all, score_pairs, similarity
from mien.types import Floats
from mien.units import Metric

KEPT = 1_000_000
"""Most similar non-mated comparisons that are kept exactly, where nothing else is asked for."""
DRAWN = 1024
"""Samples drawn twice, whose comparisons set the histogram's range and the first bound."""

SUBJECTS_DRAWN = 200
"""Subjects whose own histograms are kept."""

BLOCKS_OF_A_PART = 64
"""Blocks that a worker of a cluster compares at a time: a second or two of work."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PairStatistics:
    """What is kept of all comparisons. Scores are similarities; see mien.scores.similarity.

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
        return similarity(value, self.metric)

    def value(self, likeness: float) -> float:
        """A similarity as a value in the metric's unit."""
        return similarity(likeness, self.metric)


def compare_all(
    embeddings: Floats,
    subjects: Indices,
    metric: Metric,
    *,
    strata: Sequence[str] | None = None,
    keep: int = KEPT,
    elsewhere: "Elsewhere | None" = None,
) -> PairStatistics:
    """Compare every sample with every other.

    The blocks of the matrix may be compared elsewhere, as on a cluster; what is found is the same to the last bit.

    Args:
        embeddings: (N, D) float32, finite.
        subjects: (N,) numbers.
        metric: cosine or l2.
        strata: N names; None is one stratum.
        keep: how many of the most similar non-mated comparisons to keep exactly.
        elsewhere: has the parts of the matrix compared, in any order; None is the cores of this machine.
    """
    names, stratum = np.unique(np.asarray(strata or ["all"] * len(subjects)), return_inverse=True)
    stratum = stratum.astype(np.int64)
    ready = sort_samples(embeddings, subjects, stratum, metric)
    low, high, bound = _range(ready, keep, len(subjects))
    pairs = [(a, b) for a in range(len(names)) for b in range(a, len(names))]
    blocks = list(blocks_of(np.bincount(stratum, minlength=len(names)), pairs))
    best = BestPairs(keep=keep, bound=bound)
    counts = np.zeros((len(pairs), BINS), np.int64)
    width = (high - low) / (BINS - 2)
    if elsewhere is None:
        found: Iterable[Part] = _on_all_cores(ready, low, width, best, blocks)
    else:
        count = partial(count_blocks, ready, low, width, keep, bound)
        parts = (blocks[start : start + BLOCKS_OF_A_PART] for start in range(0, len(blocks), BLOCKS_OF_A_PART))
        found = elsewhere(count, parts)
    for pairs_of_part, histograms, kept in found:
        np.add.at(counts, pairs_of_part, histograms)
        for part in kept:
            best.add(*part)
    scores, samples = best.sorted()
    mated, mated_samples = mated_pairs(embeddings, subjects, metric)
    drawn, drawn_histogram = _draw(embeddings, subjects, metric, low, width)
    return PairStatistics(
        metric=metric,
        subjects=subjects,
        strata=tuple(str(name) for name in names),
        stratum=stratum,
        low=low,
        width=width,
        histogram=counts,
        pair_of=tuple(pairs),
        bound=best.bound,
        tail=scores,
        tail_samples=np.sort(ready.order[samples], axis=1),
        mated=mated,
        mated_samples=mated_samples,
        drawn=drawn,
        drawn_histogram=drawn_histogram,
    )


Part = tuple[list[int], list[NDArray[np.int64]], list[tuple[Floats, NDArray[np.int32]]]]
"""What is found in some blocks: the pair of strata and the histogram of each, and the best comparisons."""


Elsewhere = Callable[[Callable[[Sequence[Block]], Part], Iterable[Sequence[Block]]], Iterable[Part]]
"""Applies a function to parts of the matrix, wherever they are compared."""


def _on_all_cores(
    ready: SortedSamples, low: float, width: float, best: BestPairs, blocks: Sequence[Block]
) -> Iterator[Part]:
    """Compare blocks in threads, which share the best comparisons so far."""
    buffers = threading.local()
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(usable_cores()) as pool:
        count = partial(count_block, ready, low=low, width=width, best=best, buffers=buffers)
        for block, histogram in zip(blocks, pool.map(count, blocks), strict=True):
            yield [block.pair], [histogram], []


def count_blocks(
    ready: SortedSamples, low: float, width: float, keep: int, bound: float, blocks: Sequence[Block]
) -> Part:
    """Compare some blocks on one core, as a worker of a cluster does."""
    best, buffers = BestPairs(keep=keep, bound=bound), threading.local()
    with threadpool_limits(1, "blas"):
        histograms = [count_block(ready, block, low, width, best, buffers) for block in blocks]
    return [block.pair for block in blocks], histograms, list(zip(best.scores, best.pairs, strict=True))


def _draw(
    embeddings: Floats, subjects: Indices, metric: Metric, low: float, width: float
) -> tuple[Indices, NDArray[np.int64]]:
    """The histograms of some subjects, which show how much subjects differ where comparisons are not kept."""
    everyone = np.unique(subjects)
    drawn = np.sort(np.random.default_rng(1).permutation(everyone)[:SUBJECTS_DRAWN])
    counts = np.zeros((len(drawn), BINS), np.int64)
    rows = np.flatnonzero(np.isin(subjects, drawn))
    for part in np.array_split(rows, max(1, len(rows) // 64)):
        scores = score_all(embeddings[part], embeddings, metric)
        similar = similarity(scores, metric)
        for row, values in zip(part, similar, strict=True):
            others = values[subjects != subjects[row]]
            bins = np.clip(np.rint((others - low) / width + 0.5), 0, BINS - 1).astype(np.int64)
            counts[np.searchsorted(drawn, subjects[row])] += np.bincount(bins, minlength=BINS)
    return drawn, counts


def _range(ready: SortedSamples, keep: int, count: int) -> tuple[float, float, float]:
    """The histogram's range and a first bound for the tail, from comparisons drawn at random."""
    generator = np.random.default_rng(0)
    total = count * (count - 1) / 2
    a, b = (generator.permutation(count)[:DRAWN] for _ in range(2))
    scores = score_all(ready.whole(a), ready.whole(b), ready.metric)
    drawn = similarity(scores, ready.metric)[ready.subjects[a][:, None] != ready.subjects[b]]
    if not len(drawn):
        return -1.0, 1.0, -np.inf
    middle, spread = float(drawn.mean()), max(1e-4, float(drawn.std()))
    limits = {"cosine": (-1.0, 1.0), "l2": (-np.inf, 0.0)}.get(ready.metric, (-np.inf, np.inf))
    low, high = max(limits[0], middle - 8 * spread), min(limits[1], middle + 8 * spread)
    # More comparisons than are wanted are let through, since the quantile is drawn.
    share = 1.4 * keep / max(1.0, total)
    rank = int(share * len(drawn))
    bound = -np.inf
    if share < 0.5:
        bound = float(np.partition(drawn, len(drawn) - max(rank, 20))[len(drawn) - max(rank, 20)])
    return low, max(high, low + 1e-3), bound


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
    return similarity(np.concatenate(scores), metric), samples


def without_best(pairs: PairStatistics, count: int) -> PairStatistics:
    """Leave out the most similar non-mated comparisons, of a set with one stratum.

    Args:
        pairs: with one stratum.
        count: how many; no more than are in the tail.
    """
    above = np.cumsum(pairs.histogram[0][::-1])[::-1]
    kept = np.maximum(above - count, 0)
    histogram = kept - np.append(kept[1:], 0)
    return replace(pairs, histogram=histogram[None], tail=pairs.tail[count:], tail_samples=pairs.tail_samples[count:])
