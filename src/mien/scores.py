"""Embeddings to scores. Does not compare a score with a threshold, and does not convert units (mien.units).

A normalized metric scores rows (x, a, m) of a model's embedding x with two numbers of its own, where a = 1 / s and
m = mean / s of the scores of x against a cohort of other people. With e enrolled and p the probe, z-norm is
a_e score - m_e, t-norm is a_p score - m_p, and s-norm is the mean of both (Auckenthaler, Carey and Lloyd-Thomas,
Digital Signal Processing 10, 2000; Matejka and others, Interspeech 2017). These are similarities, in standard
deviations.
"""

from typing import TypeVar

import numpy as np

from mien.types import Floats
from mien.units import Metric, base_metric

FloatOrFloats = TypeVar("FloatOrFloats", float, Floats)
NORMS = 2
"""Numbers that a normalized metric keeps behind each embedding."""


def score_pairs(a: Floats, b: Floats, metric: Metric) -> Floats:
    """Score row i of `a` against row i of `b`; with a normalized metric, `a` is enrolled.

    Args:
        a: (N, D) float32 embeddings.
        b: (N, D) float32 embeddings.
        metric: cosine (higher is more alike), l2 (lower is more alike), or a normalized one (higher is more alike).

    Returns:
        (N,) float32, in cosine, in L2 (not squared), or in standard deviations.
    """
    if is_normalized(metric):
        scores = similarity(score_pairs(a[:, :-NORMS], b[:, :-NORMS], base_metric(metric)), base_metric(metric))
        return normalized(scores, a[:, -NORMS:], b[:, -NORMS:], metric)
    if metric == "cosine":
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        return np.asarray((a * b).sum(axis=1) / np.maximum(norms, 1e-12), np.float32)
    return np.asarray(np.linalg.norm(a - b, axis=1), np.float32)


def score_all(a: Floats, b: Floats, metric: Metric) -> Floats:
    """Score every row of `a` against every row of `b`: (N, M) float32; with a normalized metric, `b` is enrolled."""
    if is_normalized(metric):
        scores = similarity(score_all(a[:, :-NORMS], b[:, :-NORMS], base_metric(metric)), base_metric(metric))
        return normalized(scores, b[None, :, -NORMS:], a[:, None, -NORMS:], metric)
    if metric == "cosine":
        return normalize(a) @ normalize(b).T
    squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2 * (a @ b.T)
    return np.asarray(np.sqrt(np.maximum(squared, 0)), np.float32)


def is_normalized(metric: Metric) -> bool:
    """Whether scores are normalized by a cohort."""
    return "norm" in metric


def normalized(scores: Floats, enrolled: Floats, probe: Floats, metric: Metric) -> Floats:
    """Similarities as a normalized metric has them.

    Args:
        scores: similarities.
        enrolled: (..., 2) float32: 1 / s and mean / s of the enrolled side, which broadcast with the scores.
        probe: (..., 2) the same of the probe.
        metric: a normalized one.
    """
    if metric.startswith("z"):
        return np.asarray(scores * enrolled[..., 0] - enrolled[..., 1], np.float32)
    if metric.startswith("t"):
        return np.asarray(scores * probe[..., 0] - probe[..., 1], np.float32)
    both = enrolled + probe
    return np.asarray((scores * both[..., 0] - both[..., 1]) / 2, np.float32)


def similarity(score: FloatOrFloats, metric: Metric) -> FloatOrFloats:
    """A score as a similarity, of which more is always more alike: an L2 distance negated, all others as they are.

    Its own inverse: the similarity of a similarity is the score.
    """
    return -score if metric == "l2" else score


def normalize(embeddings: Floats) -> Floats:
    """Rows of unit length; a row of zeros stays zero."""
    norms = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    return np.asarray(embeddings / np.maximum(norms, 1e-12), np.float32)
