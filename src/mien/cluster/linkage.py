"""Average linkage: groups grow as long as the mean similarity between two of them reaches a limit.

Exact, deterministic, and in memory that grows with the faces and not with their pairs: the mean similarity of two
groups is the product of the means of their vectors, for cosines and for squared distances alike. Two faces of one
image are never in one group. Knows no images and no thresholds of models.

Groups that are each other's nearest are merged, all such pairs of a round at once. Since a merged group is never
nearer to a third than the nearer of its two parts (Murtagh, The Computer Journal 26(4), 1983), this gives the groups
that merging the nearest pair of all, one at a time, gives.
"""

from dataclasses import dataclass

import numpy as np

from mien.progress import OnProgress, Progress, no_progress
from mien.rates import Indices
from mien.scores import normalize
from mien.types import Floats
from mien.units import Metric

BLOCK_ROWS, BLOCK_COLUMNS = 512, 8192
"""Groups that are compared at a time; a block of their similarities takes 16 MB."""
STAGE = "grouping faces"


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors whose products are similarities, and whose means give mean similarities.

    Attributes:
        left: (N, E) float32.
        right: (N, E) float32; left[i] @ right[j] is the similarity of i and j.
    """

    left: Floats
    right: Floats

    def take(self, rows: Indices) -> "Vectors":
        """Some of them."""
        return Vectors(self.left[rows], self.right[rows])


def linkage_vectors(embeddings: Floats, metric: Metric) -> Vectors:
    """Vectors for linkage: similarities are cosines, or minus squared distances.

    Args:
        embeddings: (N, D) float32, finite.
        metric: of the embeddings.
    """
    if metric == "cosine":
        ready = normalize(embeddings)
        return Vectors(ready, ready)
    # Differences of large numbers lose digits; distances do not change when all embeddings move together.
    moved = embeddings - embeddings.mean(axis=0)
    squares = (moved * moved).sum(axis=1, keepdims=True)
    ones = np.ones_like(squares)
    left = np.concatenate([2 * moved, -squares, -ones], axis=1)
    right = np.concatenate([moved, ones, squares], axis=1)
    return Vectors(np.asarray(left, np.float32), np.asarray(right, np.float32))


def as_linkage(score: float, metric: Metric) -> float:
    """A score as a similarity of linkage."""
    return score if metric == "cosine" else -(score**2)


def as_scores(similarities: Floats, metric: Metric) -> Floats:
    """Similarities of linkage as scores: cosines, or distances."""
    return similarities if metric == "cosine" else np.sqrt(np.maximum(-similarities, 0))


def average_linkage(
    vectors: Vectors,
    images: Indices,
    limit: float,
    *,
    start: Indices | None = None,
    on_progress: OnProgress = no_progress,
) -> Indices:
    """Group faces.

    Args:
        vectors: of N faces.
        images: (N,) number of the image that each face is in.
        limit: the mean similarity that two groups must reach to become one.
        start: (N,) number of the group that each face is in already; None begins with every face on its own.
        on_progress: called after each round with the number of groups that do not grow any more.

    Returns:
        (N,) number of each face's group: the number of its first face.
    """
    if not len(images):
        return images.copy()
    state = _Groups(vectors, images)
    if start is not None:
        state.begin_with(start)
    total = len(state.open)
    while len(state.open):
        state.find_nearest(limit)
        state.merge()
        on_progress(Progress(stage=STAGE, done=total - len(state.open), total=total))
    return state.owner


class _Groups:
    """Groups that may still grow. A group is called by its first face."""

    def __init__(self, vectors: Vectors, images: Indices) -> None:
        count = len(images)
        # Sums in double, so that a mean does not depend on the order of merging beyond the last digits.
        self.left, self.right = (side.astype(np.float64) for side in (vectors.left, vectors.right))
        self.sizes = np.ones(count, np.int64)
        self.owner = np.arange(count, dtype=np.int64)
        self.members = {number: [number] for number in range(count)}
        self.open: Indices = np.arange(count, dtype=np.int64)
        self.nearest = np.full(count, -1, np.int64)
        self.similarity = np.full(count, -np.inf)
        self._set_conflicts(images)

    def _set_conflicts(self, images: Indices) -> None:
        """For each group those that it shares an image with."""
        self.conflicts: dict[int, set[int]] = {}
        order = np.argsort(images, kind="stable")
        for together in np.split(order, np.flatnonzero(np.diff(images[order])) + 1):
            if len(together) > 1:
                everyone = set(together.tolist())
                for one in everyone:
                    self.conflicts[one] = everyone - {one}

    def begin_with(self, start: Indices) -> None:
        """Join the faces that are in one group already."""
        order = np.argsort(start, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(start[order])) + 1):
            for face in members[1:].tolist():
                self._join(int(members[0]), face)
        self.open = np.array(sorted(self.members), np.int64)

    def find_nearest(self, limit: float) -> None:
        """Find the nearest group of those that do not know theirs; those that are near to none are final."""
        if len(self.open) < 2:
            self.open = self.open[:0]
            return
        unknown = self.open[self.nearest[self.open] < 0]
        right = (self.right[self.open] / self.sizes[self.open, None]).astype(np.float32)
        place_of = np.full(len(self.owner), -1, np.int64)
        place_of[self.open] = np.arange(len(self.open))
        for start in range(0, len(unknown), BLOCK_ROWS):
            self._search(unknown[start : start + BLOCK_ROWS], right, place_of)
        self.open = self.open[self.similarity[self.open] >= limit]

    def _search(self, rows: Indices, right: Floats, place_of: Indices) -> None:
        left = (self.left[rows] / self.sizes[rows, None]).astype(np.float32)
        forbidden = [self._forbidden(row, place_of) for row in rows.tolist()]
        best, where = np.full(len(rows), -np.inf), np.full(len(rows), -1, np.int64)
        for start in range(0, len(self.open), BLOCK_COLUMNS):
            scores = left @ right[start : start + BLOCK_COLUMNS].T
            for row, places in enumerate(forbidden):
                scores[row, places[(places >= start) & (places < start + scores.shape[1])] - start] = -np.inf
            columns = scores.argmax(axis=1)
            values = scores[np.arange(len(rows)), columns]
            better = values > best
            best[better], where[better] = values[better], columns[better] + start
        self.similarity[rows] = best
        self.nearest[rows] = np.where(where >= 0, self.open[where], -1)

    def _forbidden(self, row: int, place_of: Indices) -> Indices:
        """The places of the group itself and of those that it shares an image with."""
        places = place_of[[row, *self.conflicts.get(row, ())]]
        return places[places >= 0]

    def merge(self) -> None:
        """Merge all groups that are each other's nearest, and always the nearest two of all."""
        if not len(self.open):
            return
        mutual = self.open[self.nearest[self.nearest[self.open]] == self.open]
        pairs = {tuple(sorted((one, int(self.nearest[one])))) for one in mutual.tolist()}
        if not pairs:
            # Equal similarities, or their last digits, can leave a ring of nearest groups.
            first = int(self.open[np.argmax(self.similarity[self.open])])
            pairs = {tuple(sorted((first, int(self.nearest[first]))))}
        gone = set()
        for kept, lost in sorted(pairs):
            self._join(kept, lost)
            gone.add(lost)
        self.open = self.open[[one not in gone for one in self.open.tolist()]]
        touched = np.array([number for pair in pairs for number in pair], np.int64)
        outdated = self.open[np.isin(self.nearest[self.open], touched) | np.isin(self.open, touched)]
        self.nearest[outdated] = -1

    def _join(self, kept: int, lost: int) -> None:
        for values in (self.left, self.right, self.sizes):
            values[kept] += values[lost]
        moved = self.members.pop(lost)
        self.members[kept] += moved
        self.owner[moved] = kept
        shared = self.conflicts.pop(lost, set())
        for other in shared:
            self.conflicts[other].discard(lost)
            self.conflicts[other].add(kept)
        if shared:
            self.conflicts.setdefault(kept, set()).update(shared)
