"""Label noise: images unlike the others of their person, folders of two people, people in two folders.

How alike two images of one person and two images of different people are is learned from the set itself, so that any
recognizer will do: comparisons across folders are nearly all of different people; comparisons within folders are a
mixture of those and of one person, whose share and distribution are fitted. A score then becomes evidence, in natural
logarithms of odds. Each folder is put into groups that hold together; the largest is its person, and an image is as
sure of being wrong as its evidence for that person is low and its evidence for another folder's person is high. Owns
no model and changes no label: what it finds is to be looked at by people.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import faiss
import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from mien.scores import normalize, score_all
from mien.types import Floats, Metric, floats

Rows = NDArray[np.int64]

NEIGHBOURS = 24
"""Nearest images of each image, whose folders are tried as its person."""
LARGEST = 400
"""Images of a folder that are compared with each other; of a larger folder, a random part stands for all."""
PAIRS = 200_000
"""Comparisons across folders from which their distribution is estimated."""
MOST = 8.0
"""Evidence of one comparison, natural logarithm of odds, at most: scores beyond were hardly ever seen."""
TOGETHER = 0.0
"""Mean evidence above which two groups of a folder are one person."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a score says: normal distributions of scores of one person and of two people.

    Attributes:
        same, same_sd: of comparisons of one person.
        other, other_sd: of comparisons of two people.
        share: of comparisons within folders that are of one person.
    """

    same: float
    same_sd: float
    other: float
    other_sd: float
    share: float

    def of(self, scores: Floats) -> Floats:
        """Natural logarithm of odds for one person, from -8 to 8; never falls as the score rises."""
        # Both ends of two normals of different width turn back; between the means they do not.
        inside = np.clip(scores, self.other - self.other_sd, self.same + self.same_sd)
        odds = (
            ((inside - self.other) / self.other_sd) ** 2 - ((inside - self.same) / self.same_sd) ** 2
        ) / 2 + np.log(self.other_sd / self.same_sd)
        return floats(np.clip(odds, -MOST, MOST))


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image that may be of somebody else than its folder says.

    Attributes:
        row: of the image.
        certainty: 0 to 1 that the label is wrong.
        better: the folder whose person it resembles more; -1 where there is none.
        like: a row of that folder, or of the image's own person where there is none, for looking at both.
    """

    row: int
    certainty: float
    better: int
    like: int


@dataclass(frozen=True, slots=True)
class Split:
    """A folder that seems to hold two people: rows of the first and of the second."""

    folder: int
    first: tuple[int, ...]
    second: tuple[int, ...]
    certainty: float


@dataclass(frozen=True, slots=True)
class Merge:
    """Two folders that seem to hold one person, and the two rows that are most alike."""

    a: int
    b: int
    row_a: int
    row_b: int
    certainty: float


class Labels:
    """Embeddings with the folders they lie in, prepared for questions.

    Args:
        embeddings: (N, D) float32.
        folders: (N,) numbers of the folders, 0 and up.
        metric: how embeddings are compared.
        seed: of what is drawn at random.
    """

    def __init__(self, embeddings: Floats, folders: Rows, metric: Metric, seed: int = 0) -> None:
        self.metric: Metric = metric
        self.vectors = normalize(embeddings) if metric == "cosine" else floats(embeddings)
        self.folders = np.asarray(folders, np.int64)
        generator = np.random.default_rng(seed)
        order = np.argsort(self.folders, kind="stable")
        starts = np.searchsorted(self.folders[order], np.arange(int(self.folders.max(initial=-1)) + 2))
        self.members = [self._some(order[a:b], generator) for a, b in pairwise(starts)]
        self.evidence = self._learn(generator)
        self.groups = [self._grouped(rows) for rows in self.members]

    @staticmethod
    def _some(rows: Rows, generator: np.random.Generator) -> Rows:
        return rows if len(rows) <= LARGEST else np.sort(generator.choice(rows, LARGEST, replace=False))

    def scores(self, a: Rows, b: Rows) -> Floats:
        """(len(a), len(b)) how alike rows are; higher is more alike."""
        found = score_all(self.vectors[a], self.vectors[b], self.metric)
        return found if self.metric == "cosine" else -found

    def _learn(self, generator: np.random.Generator) -> Evidence:
        """Scores across folders are of two people; those within are a mixture, fitted by expectation-maximization."""
        count = len(self.vectors)
        if not count:
            return Evidence(1.0, 1.0, 0.0, 1.0, 0.5)
        a, b = (generator.integers(0, count, PAIRS) for _ in range(2))
        apart = self.folders[a] != self.folders[b]
        across = self._pairwise(a[apart], b[apart])
        within = np.concatenate([np.zeros(0, np.float32), *self._within(generator)])
        if len(across) < 100 or len(within) < 20:
            return Evidence(1.0, 1.0, 0.0, 1.0, 0.5) if not len(across) else _guess(across)
        other, other_sd = float(np.median(across)), float(across.std()) + 1e-6
        same, same_sd, share = float(np.median(within)), float(within.std()) + 1e-6, 0.9
        for _ in range(50):
            odds = share * _normal(within, same, same_sd)
            belongs = odds / (odds + (1 - share) * _normal(within, other, other_sd) + 1e-300)
            total = float(belongs.sum()) + 1e-9
            same = max(float((belongs * within).sum()) / total, other + 0.5 * other_sd)
            same_sd = float(np.sqrt((belongs * (within - same) ** 2).sum() / total)) + 1e-6
            share = float(np.clip(total / len(within), 0.05, 0.999))
        return Evidence(same, same_sd, other, other_sd, share)

    def _pairwise(self, a: Rows, b: Rows) -> Floats:
        if self.metric == "cosine":
            return floats((self.vectors[a] * self.vectors[b]).sum(axis=1))
        return floats(-np.linalg.norm(self.vectors[a] - self.vectors[b], axis=1))

    def _within(self, generator: np.random.Generator) -> Iterator[Floats]:
        """Scores within folders, at most 200 of each, so that large folders do not speak for all."""
        for rows in self.members:
            if len(rows) > 1:
                scores = self.scores(rows, rows)[np.triu_indices(len(rows), 1)]
                yield scores if len(scores) <= 200 else generator.choice(scores, 200, replace=False)

    def _grouped(self, rows: Rows) -> list[Rows]:
        """A folder's groups by average linkage of evidence, the largest first; of equal ones the closest."""
        if len(rows) < 2:
            return [rows]
        evidence = self.evidence.of(self.scores(rows, rows))
        distances = MOST - (evidence + evidence.T) / 2
        np.fill_diagonal(distances, 0)
        tree = linkage(squareform(np.maximum(distances, 0), checks=False), "average")
        numbers = fcluster(tree, MOST - TOGETHER, "distance")
        groups = [np.flatnonzero(numbers == number) for number in np.unique(numbers)]
        groups.sort(key=lambda part: (len(part), evidence[np.ix_(part, part)].mean()), reverse=True)
        return [rows[part] for part in groups]

    def support(self, rows: Rows, person: Rows) -> Floats:
        """(N,) mean evidence of each row for a person's rows, itself left out; 0 where there are no others."""
        evidence = self.evidence.of(self.scores(rows, person))
        others = rows[:, None] != person[None]
        return floats((evidence * others).sum(axis=1) / np.maximum(1, others.sum(axis=1)))

    def suspects(self, least: float = 0.5) -> list[Suspect]:
        """Images whose label is wrong with at least this certainty, the surest first."""
        near = self._near
        found = []
        for folder, rows in enumerate(self.members):
            if len(rows) < 2:
                continue
            person = self.groups[folder][0]
            for row, own in zip(rows, self.support(rows, person), strict=True):
                better, elsewhere, like = self._elsewhere(int(row), near[row])
                certainty = _certainty(float(own), elsewhere)
                if certainty >= least:
                    known = better >= 0 and elsewhere > max(NAMED, float(own))
                    spot = like if known else int(person[0])
                    found.append(Suspect(int(row), certainty, better if known else -1, spot))
        return sorted(found, key=lambda one: -one.certainty)

    @cached_property
    def _near(self) -> Rows:
        """(N, 25) each row's nearest rows, itself among them."""
        count = min(NEIGHBOURS + 1, len(self.vectors))
        if not count:
            return np.empty((0, 0), np.int64)
        index = (faiss.IndexFlatIP if self.metric == "cosine" else faiss.IndexFlatL2)(self.vectors.shape[1])
        index.add(self.vectors)
        return np.asarray(index.search(self.vectors, count)[1], np.int64)

    def _as_one(self, a: Rows, b: Rows, scores: Floats) -> float:
        """How likely two groups are one, by how alike they are across against within; people who look alike are
        less."""
        if min(len(a), len(b)) < 3:
            return 1.0
        inside = [float(self.scores(part, part)[np.triu_indices(len(part), 1)].mean()) for part in (a, b)]
        gap = (sum(inside) / 2 - float(scores.mean())) / self.evidence.same_sd
        return _logistic((GAP - gap) * 12)

    def twins(self) -> Iterator[tuple[int, int]]:
        """Pairs of rows, the smaller first, that are nearest neighbours and more alike than most of one person."""
        limit = self.evidence.same + 0.5 * self.evidence.same_sd
        for row, others in enumerate(self._near[:, :4]):
            near = others[others != row]
            for other in near[self.scores(np.array([row]), near)[0] >= limit]:
                yield min(row, int(other)), max(row, int(other))

    def _elsewhere(self, row: int, near: Rows) -> tuple[int, float, int]:
        """The other folder with the most evidence, that evidence, and the nearest row there; -1 for none."""
        best, most, like = -1, -MOST, -1
        own = self.folders[row]
        for other in dict.fromkeys(self.folders[near].tolist()):
            if other == own:
                continue
            person = self.groups[other][0]
            found = float(self.support(np.array([row]), person)[0])
            if found > most:
                best, most = int(other), found
                like = int(next(n for n in near if self.folders[n] == other))
        return best, most, like

    def splits(self, least: float = 0.8) -> list[Split]:
        """Folders whose two largest groups are each of several images and hold together better than each other."""
        found = []
        for folder, groups in enumerate(self.groups):
            if len(groups) < 2 or len(groups[1]) < 2:
                continue
            first, second = groups[0], groups[1]
            between = float(self.evidence.of(self.scores(first, second)).mean())
            inside = min(float(self.support(part, part).mean()) for part in (first, second))
            certainty = _logistic(min(inside, -between))
            if inside > 0 and certainty >= least:
                rest = np.array([row for group in groups[2:] for row in group], np.int64)
                if len(rest):
                    second = np.append(second, rest[self.support(rest, second) > self.support(rest, first)])
                found.append(Split(folder, tuple(first.tolist()), tuple(second.tolist()), certainty))
        return sorted(found, key=lambda one: -one.certainty)

    def merges(self, least: float = 0.5) -> list[Merge]:
        """Pairs of folders whose people are one, from neighbours across folders; the surest first."""
        near = self._near
        against = float(np.log(max(2, RARE * len(self.members))))
        tried: set[tuple[int, int]] = set()
        found = []
        for row, others in enumerate(near):
            for other in others[:6]:
                pair = sorted((int(self.folders[row]), int(self.folders[other])))
                key = (pair[0], pair[1])
                if pair[0] == pair[1] or key in tried:
                    continue
                tried.add(key)
                a, b = (self.groups[folder][0] for folder in key)
                scores = self.scores(a, b)
                # Comparisons that share images repeat themselves, so more than three count as three.
                worth = min(3.0, float(np.sqrt(scores.size)))
                certainty = _logistic(float(self.evidence.of(scores).mean()) * worth - against)
                certainty = min(certainty, self._as_one(a, b, scores))
                if certainty >= least:
                    i, j = np.unravel_index(int(scores.argmax()), scores.shape)
                    found.append(Merge(*key, int(a[i]), int(b[j]), certainty))
        return sorted(found, key=lambda one: -one.certainty)


GAP = 0.45
"""Deviations of one person's scores by which two folders may be less alike than each is in itself (docs/log.md)."""
RARE = 10
"""Pairs of folders are of two people but for one in so many times the number of folders, before anything is seen."""
NAMED = 2.0
"""Evidence for another folder's person from which on that person is named."""
LOYALTY = 4.5
"""Evidence that speaks for a label before anything is seen: most labels are right."""


def _certainty(own: float, elsewhere: float) -> float:
    """How sure it is that a label is wrong, from evidence for its own person and for the best other one."""
    return _logistic(max(0.0, elsewhere) - own - LOYALTY)


def _logistic(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def _normal(values: Floats, mean: float, sd: float) -> NDArray[np.float64]:
    z = (values.astype(np.float64) - mean) / sd
    return np.asarray(np.exp(-z * z / 2) / sd)


def _guess(across: Floats) -> Evidence:
    """For sets without enough comparisons within folders: one person lies four deviations above two people."""
    other, other_sd = float(np.median(across)), float(across.std()) + 1e-6
    return Evidence(other + 4 * other_sd, 1.3 * other_sd, other, other_sd, 0.9)


def choose_faces(
    first: Floats, rows: Rows, second: Floats, second_rows: Rows, folders: Rows, metric: Metric
) -> Floats:
    """Of pictures with two faces, the embedding of the one that is more like its folder's other pictures.

    Two people in one photograph are not one: the label is about one of them, and not always about the larger face.

    Args:
        first: (N, D) embeddings of the chosen faces.
        rows: (N,) their rows.
        second: (K, D) embeddings of second faces.
        second_rows: (K,) their rows.
        folders: the folder of every row.
        metric: how embeddings are compared.

    Returns:
        (N, D) the embeddings to go on with.
    """
    chosen, places = first.copy(), {int(row): place for place, row in enumerate(rows)}
    alone: dict[int, list[int]] = defaultdict(list)
    for place in np.flatnonzero(~np.isin(rows, second_rows)).tolist():
        alone[int(folders[rows[place]])].append(place)
    for vector, row in zip(second, second_rows, strict=True):
        place = places[int(row)]
        others = first[alone[int(folders[row])]]
        if len(others):
            scores = score_all(np.stack([first[place], vector]), others, metric)
            own, other = np.median(scores, axis=1) * (1 if metric == "cosine" else -1)
            chosen[place] = vector if other > own else first[place]
    return chosen


def centroid_rule(embeddings: Floats, folders: Sequence[int], metric: Metric) -> Floats:
    """(N,) how unlike each image is to the mean of its folder, the plain rule that benchmarks compare with."""
    vectors, numbers = normalize(embeddings) if metric == "cosine" else embeddings, np.asarray(folders)
    unlike = np.zeros(len(vectors), np.float32)
    for folder in np.unique(numbers):
        rows = np.flatnonzero(numbers == folder)
        centre = vectors[rows].mean(axis=0, keepdims=True)
        scores = score_all(vectors[rows], floats(centre), metric)[:, 0]
        unlike[rows] = -scores if metric == "cosine" else scores
    return unlike
