"""How far two folders stand out from all others: whether one person is in both, or a recognizer confuses many people.

A recognizer finds people of some groups more alike than others, and what it learned of all comparisons together does
not hold within such a group. So a pair is compared with its own neighbours: its margin is how much more alike the two
are than either is to a third folder. Of people who are confused there is always a third one nearly as alike. The
certainty was fitted to people of CelebA in two folders (benchmarks/twice.py). Owns no model and names nobody.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.data.vectors import VectorRows
from mien.portrait.dataset.evidence import logistic
from mien.scores import score_all, similarity
from mien.types import Floats, floats
from mien.units import Metric

STEEP, CENTRE = 3.9, 1.4
"""The natural logarithm of odds for one person rises by so much for each deviation of one person's scores, and is 0
at so many: fitted by logistic regression to 739 pairs of folders of CelebA of which each is the other's nearest, 57%
of them of one person, and carried over to sets where one such pair in five is."""
BLOCK = 256
"""Folders that are compared with all others at a time."""


def margins(means: VectorRows, pairs: Sequence[tuple[int, int]], metric: Metric, deviation: float) -> list[float]:
    """How much more alike two folders are than either is to any third one, in deviations of one person's scores.

    Args:
        means: (F, D) float32, the mean embedding of each folder's person.
        pairs: of folders.
        metric: how embeddings are compared.
        deviation: of the scores of one person.

    Returns:
        One number for each pair; below 0 where a third folder is more alike to one of the two.
    """
    folders = np.unique(np.array(pairs, np.int64).reshape(-1, 2))
    nearest = _nearest(means, folders, metric)
    found = []
    for a, b in pairs:
        own = float(_scores(means.rows([a]), means.rows([b]), metric)[0, 0])
        thirds = [score for one, other in ((a, b), (b, a)) for score in _others(nearest[one], other)]
        found.append((own - max(thirds, default=own - 9 * deviation)) / deviation)
    return found


def certainty_of_margin(margin: float) -> float:
    """How sure it is that both folders of a pair hold one person."""
    return logistic(STEEP * (margin - CENTRE))


def components(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Folders that chains of pairs join, each sorted, in the order of their first pair."""
    parent: dict[int, int] = {}

    def root(folder: int) -> int:
        parent.setdefault(folder, folder)
        while parent[folder] != folder:
            folder = parent[folder]
        return folder

    for a, b in pairs:
        parent[root(b)] = root(a)
    joined: dict[int, list[int]] = {}
    for folder in sorted(parent):
        joined.setdefault(root(folder), []).append(folder)
    order = dict.fromkeys(root(a) for a, _ in pairs)
    return [tuple(joined[one]) for one in order]


Near = list[tuple[int, float]]
"""Other folders with their scores, the most alike first."""


def _nearest(means: VectorRows, folders: NDArray[np.int64], metric: Metric) -> dict[int, Near]:
    """The two folders that are most alike to each of some."""
    found: dict[int, Near] = {}
    for start in range(0, len(folders), BLOCK):
        part = folders[start : start + BLOCK]
        asked = means.rows(part)
        best, rows = np.empty((len(part), 0), np.float32), np.empty((len(part), 0), np.int64)
        for first, block in means.blocks():
            scores = _scores(asked, block, metric)
            inside = (part >= first) & (part < first + len(block))
            scores[np.flatnonzero(inside), part[inside] - first] = -np.inf
            some = np.argsort(-scores, axis=1, kind="stable")[:, :2]
            best = np.concatenate([best, np.take_along_axis(scores, some, 1)], axis=1)
            rows = np.concatenate([rows, some + first], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :2]
        for row, folder in enumerate(part.tolist()):
            found[folder] = [(int(rows[row, o]), float(best[row, o])) for o in order[row] if rows[row, o] != folder]
    return found


def _others(near: Near, but: int) -> list[float]:
    """The highest score of a folder other than one; nothing where there is no other."""
    return [score for folder, score in near if folder != but][:1]


def _scores(a: Floats, b: Floats, metric: Metric) -> Floats:
    # The mean cosine of two folders is the product of their mean vectors, which are no longer of unit length.
    return floats(a @ b.T) if metric == "cosine" else similarity(score_all(a, b, metric), metric)
