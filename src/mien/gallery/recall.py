"""What a database finds of the nearest, measured against an exact search: with more effort until it is enough."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from mien.gallery.indexes.base import Found
from mien.gallery.live_index import LiveIndex
from mien.gallery.stores.outside_index import OutsideIndex
from mien.gallery.stores.outside_recall import Recall
from mien.gallery.vectors import asks_for_exact
from mien.types import Floats, floats

if TYPE_CHECKING:
    from mien.gallery.stores.sqlite import SqliteStore
    from mien.gallery.vectors.base import VectorStore

TOP = 10
"""Templates that a search is asked for."""

TOGETHER = 50
"""Searches of one request."""

SAME = 1e-5
"""Scores that differ by less are one score: a template as near as the last one of an answer may take its place."""

FEW, PROMISING = 20, 0.98
"""Probes by which an effort is tried, and the recall at which it is tried with all of them."""


def measure_recall(store: SqliteStore, target: VectorStore, probes: int) -> Recall:
    """Search a database and an exact index in memory for the same probes, with more effort until that is enough.

    Args:
        store: whose vectors the database has; not empty.
        target: the database.
        probes: how many. A proven search, which takes long, is tried with the first FEW.

    Returns:
        The recall at the smallest effort that is enough, or at the safe one where none is.
    """
    reference = LiveIndex(store).in_memory()
    made = make_probes(store, probes)
    answers = reference.search(made, TOP)
    for effort in () if asks_for_exact(target.address) else target.efforts:
        if len(made) > FEW and _recall_at(store, target, effort, made[:FEW], answers).value < PROMISING:
            continue
        recall = _recall_at(store, target, effort, made, answers)
        if recall.is_enough:
            return recall
    safe = None if asks_for_exact(target.address) else target.safe_effort
    return _recall_at(store, target, safe, made[:FEW] if safe is None else made, answers)


def _recall_at(store: SqliteStore, target: VectorStore, effort: int | None, probes: Floats, answers: Found) -> Recall:
    index = OutsideIndex(store, target, store.identity.metric, lambda _: effort)
    wanted = found = whole = 0
    for start in range(0, len(probes), TOGETHER):
        part = slice(start, start + TOGETHER)
        hits, sizes = count_found(
            answers[: len(probes)][part], index.search(probes[part], TOP), store.identity.metric
        )
        wanted, found = wanted + sum(sizes), found + sum(hits)
        whole += sum(hit == size for hit, size in zip(hits, sizes, strict=True))
    return Recall(
        address=target.address,
        templates=store.count(),
        effort=effort,
        probes=len(probes),
        wanted=wanted,
        found=found,
        whole=whole,
        at=time.time(),
    )


def make_probes(store: SqliteStore, count: int) -> Floats:
    """Vectors near enrolled ones, and others with the same mean and spread: (count, D) float32."""
    generator = np.random.default_rng(0)
    numbers = np.array(list(store.sample_ids(0, store.count())), np.int64)
    held = store.embeddings(generator.choice(numbers, min(len(numbers), count), replace=False))
    held = held[~np.isnan(held[:, 0])]
    spread, middle = held.std(axis=0) + 1e-12, held.mean(axis=0)
    near = held[generator.integers(0, len(held), count // 2)]
    near = near + 0.7 * spread * generator.normal(size=near.shape)
    strangers = middle + spread * generator.normal(size=(count - count // 2, held.shape[1]))
    return floats(generator.permutation(np.concatenate([near, strangers])))


def count_found(exact: Found, other: Found, metric: str) -> tuple[list[int], list[int]]:
    """How many of each exact answer the other answer has, and how many there are."""
    hits, sizes = [], []
    for (ids, scores), (found, found_scores) in zip(exact, other, strict=True):
        sign = 1 if metric == "cosine" else -1
        as_near = sign * found_scores >= sign * scores[-1] - SAME if len(scores) else np.zeros(len(found), bool)
        hits.append(min(len(ids), int((np.isin(found, ids) | as_near).sum())))
        sizes.append(len(ids))
    return hits, sizes
