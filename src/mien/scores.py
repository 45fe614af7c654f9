"""Embeddings to scores. Does not compare a score with a threshold, and does not convert units (mien.units)."""

from typing import TypeVar

import numpy as np

from mien.types import Floats
from mien.units import Metric

FloatOrFloats = TypeVar("FloatOrFloats", float, Floats)


def score_pairs(a: Floats, b: Floats, metric: Metric) -> Floats:
    """Score row i of `a` against row i of `b`.

    Args:
        a: (N, D) float32 embeddings.
        b: (N, D) float32 embeddings.
        metric: cosine (higher is more alike) or l2 (lower is more alike).

    Returns:
        (N,) float32, in cosine or in L2 (not squared).
    """
    if metric == "cosine":
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        return np.asarray((a * b).sum(axis=1) / np.maximum(norms, 1e-12), np.float32)
    return np.asarray(np.linalg.norm(a - b, axis=1), np.float32)


def score_all(a: Floats, b: Floats, metric: Metric) -> Floats:
    """Score every row of `a` against every row of `b`: (N, M) float32, units as in score_pairs."""
    if metric == "cosine":
        return normalize(a) @ normalize(b).T
    squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2 * (a @ b.T)
    return np.asarray(np.sqrt(np.maximum(squared, 0)), np.float32)


def similarity(score: FloatOrFloats, metric: Metric) -> FloatOrFloats:
    """A score as a similarity, of which more is always more alike: a cosine as it is, an L2 distance negated.

    Its own inverse: the similarity of a similarity is the score.
    """
    return score if metric == "cosine" else -score


def normalize(embeddings: Floats) -> Floats:
    """Rows of unit length; a row of zeros stays zero."""
    norms = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    return np.asarray(embeddings / np.maximum(norms, 1e-12), np.float32)
