"""Label noise: images unlike the others of their person, folders of two people, people in two folders.

Each folder is divided into groups that hold together by the evidence of their scores (see evidence). The largest
group is the folder's person. Two folders hold one person if they are as alike as one and stand out from all others
(see standing). An image is the surer to be wrong the lower its evidence for that person is and the
higher its evidence for another folder's person is. Owns no model and changes no label: people check what it finds.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.vectors import VectorRows, in_memory
from mien.portrait.dataset.evidence import MAX_EVIDENCE, Evidence, fit_evidence, logistic
from mien.portrait.dataset.standing import certainty_of_margin, components, margins
from mien.portrait.dataset.suspicions import Confused, Merge, Split, Suspect
from mien.scores import normalize, score_all, similarity
from mien.types import Floats, floats
from mien.units import Metric

Rows = NDArray[np.int64]

NEIGHBOURS = 24
"""Nearest images of each image, whose folders are tried as its person."""
ASKED = 8192
"""Rows whose nearest rows are looked for at a time."""
DRAWN, MEANS = 8192, 4096
"""Comparisons that are drawn, and folders whose mean embedding is computed, at a time."""
LARGEST = 400
"""Images of a folder that are compared with each other; of a larger folder, a random part stands for all."""
PAIRS = 200_000
"""Comparisons across folders from which their distribution is estimated."""
PAIRS_WITHIN = 200
"""Comparisons within one folder that count, so that large folders do not speak for all."""
TOGETHER = 0.0
"""Mean evidence above which two groups of a folder are one person."""
MIN_GROUP = 3
"""Images of a group from which on its own likeness is known."""
GAP, STEEP = 0.45, 12.0
"""Deviations of one person's scores by which two folders may be less alike than each is in itself (docs/log.md), and
how steeply the certainty falls there."""
RARE = 10
"""Pairs of folders are of two people but for one in so many times the number of folders, before anything is seen."""
ALIKE = 0.5
"""Certainty by the evidence alone from which on two folders are as alike as one person."""
POSSIBLE = 1e-4
"""Certainty by the evidence alone below which a pair of folders is not kept: a large set has millions of them."""
NAMED = 2.0
"""Evidence for another folder's person from which on that person is named."""
LOYALTY = 4.5
"""Evidence that speaks for a label before anything is seen: most labels are right."""


class Labels:
    """Embeddings with their folders, prepared for questions.

    Args:
        embeddings: (N, D) float32; with the cosine they are normalized where they are.
        folders: (N,) numbers of the folders, 0 and up.
        metric: how embeddings are compared.
        seed: of the random draws.
        scratch: a folder for files without a name, where there are many folders.
    """

    def __init__(
        self, embeddings: VectorRows, folders: Rows, metric: Metric, seed: int = 0, scratch: Path | None = None
    ) -> None:
        self.metric: Metric = metric
        self.vectors, self._scratch = embeddings, scratch
        if metric == "cosine":
            for start, block in embeddings.blocks():
                embeddings.write(start, normalize(block))
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
        return similarity(score_all(self.vectors.rows(a), self.vectors.rows(b), self.metric), self.metric)

    def _learn(self, generator: np.random.Generator) -> Evidence:
        """Draw comparisons across and within folders, and fit what scores say."""
        count = len(self.vectors)
        if not count:
            return fit_evidence(floats([]), floats([]))
        a, b = (generator.integers(0, count, PAIRS) for _ in range(2))
        apart = self.folders[a] != self.folders[b]
        across = self._pairwise(a[apart], b[apart])
        within = np.concatenate([np.zeros(0, np.float32), *self._within(generator)])
        return fit_evidence(across, within)

    def _pairwise(self, a: Rows, b: Rows) -> Floats:
        parts = [np.zeros(0, np.float32)]
        for start in range(0, len(a), DRAWN):
            one, other = (self.vectors.rows(rows[start : start + DRAWN]) for rows in (a, b))
            cosine = self.metric == "cosine"
            parts.append(floats((one * other).sum(axis=1) if cosine else -np.linalg.norm(one - other, axis=1)))
        return np.concatenate(parts)

    def _within(self, generator: np.random.Generator) -> Iterator[Floats]:
        """Scores within folders, at most 200 of each."""
        for rows in self.members:
            if len(rows) > 1:
                scores = self.scores(rows, rows)[np.triu_indices(len(rows), 1)]
                yield scores if len(scores) <= PAIRS_WITHIN else generator.choice(scores, PAIRS_WITHIN, replace=False)

    def _grouped(self, rows: Rows) -> list[Rows]:
        """A folder's groups by average linkage of evidence, the largest first; of equal ones the closest."""
        if len(rows) < 2:
            return [rows]
        from scipy.cluster.hierarchy import fcluster, linkage
        from scipy.spatial.distance import squareform

        evidence = self.evidence.of(self.scores(rows, rows))
        distances = MAX_EVIDENCE - (evidence + evidence.T) / 2
        np.fill_diagonal(distances, 0)
        tree = linkage(squareform(np.maximum(distances, 0), checks=False), "average")
        numbers = fcluster(tree, MAX_EVIDENCE - TOGETHER, "distance")
        groups = [np.flatnonzero(numbers == number) for number in np.unique(numbers)]
        groups.sort(key=lambda part: (len(part), evidence[np.ix_(part, part)].mean()), reverse=True)
        return [rows[part] for part in groups]

    def support(self, rows: Rows, person: Rows) -> Floats:
        """(N,) mean evidence of each row for a person's rows, itself left out; 0 where there are no others."""
        evidence = self.evidence.of(self.scores(rows, person))
        others = rows[:, None] != person[None]
        return floats((evidence * others).sum(axis=1) / np.maximum(1, others.sum(axis=1)))

    def suspects(self, min_certainty: float = 0.5) -> list[Suspect]:
        """Images whose label is wrong with at least this certainty, the surest first."""
        near = self._near
        found = []
        for folder, rows in enumerate(self.members):
            if len(rows) < 2:
                continue
            person = self.groups[folder][0]
            support = self.support(rows, person)
            # Nothing that speaks for another person can outweigh so much.
            doubtful = [certainty_of(own, MAX_EVIDENCE) >= min_certainty for own in support.tolist()]
            for row, own in zip(rows[doubtful], support[doubtful], strict=True):
                better, elsewhere, like = self._elsewhere(int(row), near[row])
                certainty = certainty_of(float(own), elsewhere)
                if certainty >= min_certainty:
                    known = better >= 0 and elsewhere > max(NAMED, float(own))
                    spot = like if known else int(person[0])
                    found.append(Suspect(int(row), certainty, better if known else -1, spot))
        return sorted(found, key=lambda one: -one.certainty)

    @cached_property
    def _near(self) -> NDArray[np.int32]:
        """(N, 25) each row's nearest rows, itself among them."""
        return nearest_rows(self.vectors, NEIGHBOURS + 1, self.metric)

    def _as_one(self, a: Rows, b: Rows, scores: Floats) -> float:
        """How likely two groups are one, by how alike they are across against within; people who look alike are
        less."""
        if min(len(a), len(b)) < MIN_GROUP:
            return 1.0
        inside = [float(self.scores(part, part)[np.triu_indices(len(part), 1)].mean()) for part in (a, b)]
        gap = (sum(inside) / 2 - float(scores.mean())) / self.evidence.same_sd
        return logistic((GAP - gap) * STEEP)

    def twins(self) -> Iterator[tuple[int, int]]:
        """Pairs of rows, the smaller first, that are nearest neighbours and more alike than most of one person."""
        limit = self.evidence.same + 0.5 * self.evidence.same_sd
        for row, others in enumerate(self._near[:, :4]):
            near = others[others != row].astype(np.int64)
            for other in near[self.scores(np.array([row]), near)[0] >= limit]:
                yield min(row, int(other)), max(row, int(other))

    def _elsewhere(self, row: int, near: Rows) -> tuple[int, float, int]:
        """The other folder with the most evidence, that evidence, and the nearest row there; -1 for none."""
        best, highest, like = -1, -MAX_EVIDENCE, -1
        own = self.folders[row]
        for other in dict.fromkeys(self.folders[near].tolist()):
            if other == own:
                continue
            person = self.groups[other][0]
            found = float(self.support(np.array([row]), person)[0])
            if found > highest:
                best, highest = int(other), found
                like = int(next(n for n in near if self.folders[n] == other))
        return best, highest, like

    def splits(self, min_certainty: float = 0.8) -> list[Split]:
        """Folders whose two largest groups are each of several images and hold together better than each other."""
        found = []
        for folder, groups in enumerate(self.groups):
            if len(groups) < 2 or len(groups[1]) < 2:
                continue
            first, second = groups[0], groups[1]
            between = float(self.evidence.of(self.scores(first, second)).mean())
            inside = min(float(self.support(part, part).mean()) for part in (first, second))
            certainty = logistic(min(inside, -between))
            if inside > 0 and certainty >= min_certainty:
                rest = np.array([row for group in groups[2:] for row in group], np.int64)
                if len(rest):
                    second = np.append(second, rest[self.support(rest, second) > self.support(rest, first)])
                found.append(Split(folder, tuple(first.tolist()), tuple(second.tolist()), certainty))
        return sorted(found, key=lambda one: -one.certainty)

    def merges(self, min_certainty: float = 0.5) -> list[Merge]:
        """Pairs of folders whose people are one, from neighbours across folders; the surest first."""
        found = (replace(one, certainty=min(one.certainty, sure)) for one, sure in self._alike)
        return sorted((one for one in found if one.certainty >= min_certainty), key=lambda one: -one.certainty)

    def confused(self, min_certainty: float = 0.5) -> list[Confused]:
        """People whom the recognizer finds as alike as one person, while none of their pairs stands out."""
        pairs = [one for one, sure in self._alike if one.certainty >= ALIKE and sure < min_certainty]
        found = []
        for group in components([(one.a, one.b) for one in pairs]):
            closest = max((one for one in pairs if one.a in group), key=lambda one: one.certainty)
            found.append(Confused(group, closest.row_a, closest.row_b))
        return found

    @cached_property
    def _alike(self) -> list[tuple[Merge, float]]:
        """Pairs of neighbouring folders; of those as alike as one person, how sure it is by how they stand out."""
        every = list(self._pairs_by_evidence())
        alike = [one for one in every if one.certainty >= ALIKE]
        unlike = [(one, 1.0) for one in every if one.certainty < ALIKE]
        if not alike:
            return unlike
        means = VectorRows(self.vectors.size, self._scratch)
        for start in range(0, len(self.groups), MEANS):
            some = self.groups[start : start + MEANS]
            means.append(floats([self.vectors.rows(groups[0]).mean(axis=0) for groups in some]))
        found = margins(means, [(one.a, one.b) for one in alike], self.metric, self.evidence.same_sd)
        return unlike + [(one, certainty_of_margin(margin)) for one, margin in zip(alike, found, strict=True)]

    def _pairs_by_evidence(self) -> Iterator[Merge]:
        """Pairs of neighbouring folders that may be one person, and how sure they are if all people were equally
        alike."""
        against = float(np.log(max(2, RARE * len(self.members))))
        for low, high in self._neighbouring():
            a, b = self.groups[low][0], self.groups[high][0]
            scores = self.scores(a, b)
            # Comparisons that share images repeat themselves, so more than three count as three.
            worth = min(3.0, float(np.sqrt(scores.size)))
            certainty = logistic(float(self.evidence.of(scores).mean()) * worth - against)
            if certainty >= POSSIBLE:
                i, j = np.unravel_index(int(scores.argmax()), scores.shape)
                yield Merge(low, high, int(a[i]), int(b[j]), min(certainty, self._as_one(a, b, scores)))

    def _neighbouring(self) -> Iterator[tuple[int, int]]:
        """Pairs of folders, the smaller number first, of which an image is among another's six nearest; in the order
        of the images."""
        near = self.folders[self._near[:, :6]]
        own = np.broadcast_to(self.folders[:, None], near.shape)
        keys = (np.minimum(own, near) * len(self.members) + np.maximum(own, near))[own != near]
        first = np.sort(np.unique(keys, return_index=True)[1])
        for key in keys[first]:
            low, high = divmod(int(key), len(self.members))
            yield low, high


def certainty_of(own: float, elsewhere: float) -> float:
    """How sure it is that a label is wrong, from evidence for its own person and for the best other one."""
    return logistic(max(0.0, elsewhere) - own - LOYALTY)


def labels_of(embeddings: Floats, folders: Rows, metric: Metric, seed: int = 0) -> Labels:
    """Labels of embeddings that are an array, (N, D), which stays as it is."""
    return Labels(in_memory(embeddings), folders, metric, seed)


def nearest_rows(vectors: VectorRows, count: int, metric: Metric) -> NDArray[np.int32]:
    """(N, count) the nearest rows of each row, itself among them, the most alike first; fewer where there are fewer.

    Blocks of rows are compared with blocks, so that memory holds two of them.
    """
    import faiss

    wanted = min(count, len(vectors))
    found = np.empty((len(vectors), wanted), np.int32)
    kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
    for start, asked in vectors.blocks(ASKED):
        far = np.empty((len(asked), 0), np.float32)
        rows = np.empty((len(asked), 0), np.int64)
        for first, block in vectors.blocks():
            scores, places = faiss.knn(asked, block, min(wanted, len(block)), metric=kind)
            far = np.concatenate([far, -scores if metric == "cosine" else scores], axis=1)
            rows = np.concatenate([rows, places + first], axis=1)
            best = np.argsort(far, axis=1, kind="stable")[:, :wanted]
            far, rows = np.take_along_axis(far, best, 1), np.take_along_axis(rows, best, 1)
        found[start : start + len(asked)] = rows
    return found
