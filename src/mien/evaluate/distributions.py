"""How far the scores of mated and of non-mated comparisons are apart. Knows no threshold."""

from math import sqrt

import numpy as np

from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.score_blocks import BINS
from mien.types import Floats


def decidability(mated: Floats, nonmated_mean: float, nonmated_variance: float) -> float:
    """d', the distance of the two distributions in their common deviation (Daugman, 2003).

    d' = |mean_1 - mean_2| / sqrt((variance_1 + variance_2) / 2)
    """
    spread = sqrt((float(mated.var()) + nonmated_variance) / 2)
    return abs(float(mated.mean()) - nonmated_mean) / max(spread, 1e-12)


def moments(pairs: PairStatistics) -> tuple[float, float]:
    """Mean and variance of all non-mated similarities, from the histogram."""
    counts = pairs.histogram.sum(axis=0).astype(np.float64)
    middles = pairs.low + (np.arange(BINS) - 0.5) * pairs.width
    mean = float((counts * middles).sum() / counts.sum())
    return mean, float((counts * (middles - mean) ** 2).sum() / counts.sum())
