"""What an approximate database finds of the nearest: measured against an exact search, and kept with the gallery."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from mien.gallery.indexes.base import Found
from mien.gallery.live_index import LiveIndex
from mien.gallery.stores.outside_index import OutsideIndex
from mien.gallery.vectors import asks_for_exact
from mien.types import Floats, floats

if TYPE_CHECKING:
    from mien.gallery.stores.sqlite import SqliteStore
    from mien.gallery.vectors.base import VectorStore

KEPT = "recall"
"""The name under which a gallery keeps it."""

TOP = 10
"""Templates that a search is asked for."""

TOGETHER = 50
"""Searches of one request."""

SAME = 1e-5
"""Scores that differ by less are one score: a template as near as the last one of an answer may take its place."""

GROWTH = 1.5
"""How much a gallery grows before the recall has to be measured again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """How many of the nearest templates a database finds.

    Attributes:
        address: of the database.
        templates: that it had.
        probes: searches, half of them of enrolled subjects.
        wanted: nearest templates of all searches together.
        found: of these.
        whole: searches that found all of theirs.
        at: when it was measured, in seconds since 1970 (UTC).
    """

    address: str
    templates: int
    probes: int
    wanted: int
    found: int
    whole: int
    at: float

    @property
    def value(self) -> float:
        """Share of the nearest that are found."""
        return self.found / self.wanted if self.wanted else 1.0


def measure_recall(store: SqliteStore, target: VectorStore, probes: int) -> Recall:
    """Search a database and an exact index in memory for the same probes.

    Args:
        store: whose vectors the database has; not empty.
        target: the database.
        probes: how many.
    """
    reference = LiveIndex(store).in_memory()
    index = OutsideIndex(store, target, store.identity.metric, exact=asks_for_exact(target.address))
    wanted = found = whole = 0
    made = make_probes(store, probes)
    for start in range(0, len(made), TOGETHER):
        some = made[start : start + TOGETHER]
        hits, sizes = count_found(reference.search(some, TOP), index.search(some, TOP), store.identity.metric)
        wanted, found = wanted + sum(sizes), found + sum(hits)
        whole += sum(hit == size for hit, size in zip(hits, sizes, strict=True))
    return Recall(
        address=target.address,
        templates=len(reference),
        probes=len(made),
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
    return floats(np.concatenate([near, strangers]))


def count_found(exact: Found, other: Found, metric: str) -> tuple[list[int], list[int]]:
    """How many of each exact answer the other answer has, and how many there are."""
    hits, sizes = [], []
    for (ids, scores), (found, found_scores) in zip(exact, other, strict=True):
        sign = 1 if metric == "cosine" else -1
        as_near = sign * found_scores >= sign * scores[-1] - SAME if len(scores) else np.zeros(len(found), bool)
        hits.append(min(len(ids), int((np.isin(found, ids) | as_near).sum())))
        sizes.append(len(ids))
    return hits, sizes


def keep_recall(store: SqliteStore, recall: Recall) -> None:
    """Write it down in the gallery."""
    store.write_kept(KEPT, json.dumps(asdict(recall)))


def kept_recall(store: SqliteStore) -> Recall | None:
    """What was measured of the database that has the vectors now; None where that was not."""
    text = store.read_kept(KEPT)
    recall = Recall(**json.loads(text)) if text else None
    return recall if recall is not None and recall.address == store.vectors_at else None


def is_outdated(recall: Recall, templates: int) -> bool:
    """Whether a gallery has grown too much since."""
    return templates > GROWTH * max(recall.templates, 100)
