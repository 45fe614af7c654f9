"""Verification on a list of pairs: LFW's ten folds, `.bin` sets, and your own lists.

Owns accuracy over folds, ROC and AUC of a list; its rates with their intervals are in mien.evaluate.list_rates. A
pair with a sample that has no embedding is an error: never accepted, and wrong in the accuracy whatever it is. Opens
no image.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import ManifestError
from mien.types import Floats

Truths = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ScoredPairs:
    """Scored pairs. Scores are similarities: a cosine, or minus a distance; minus infinity where there is none.

    Attributes:
        scores: (P,) float32.
        mated: (P,) bool.
        folds: (P,) fold of each pair.
        subjects: (P, 2) numbers of the subjects; -1 where they are not known.
    """

    scores: Floats
    mated: Truths
    folds: NDArray[np.int64]
    subjects: NDArray[np.int64]

    def take(self, chosen: Truths) -> "ScoredPairs":
        """Some of the pairs."""
        return ScoredPairs(self.scores[chosen], self.mated[chosen], self.folds[chosen], self.subjects[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class FoldedAccuracy:
    """Accuracy over folds, each with the threshold that is best on the others.

    Attributes:
        mean: of the folds' accuracies.
        deviation: their standard deviation (of the folds, divided by their number).
        thresholds: similarity chosen for each fold.
        folds: accuracy of each fold.
        right: (P,) whether each pair is decided rightly in its fold.
    """

    mean: float
    deviation: float
    thresholds: tuple[float, ...]
    folds: tuple[float, ...]
    right: Truths


def folded_accuracy(pairs: ScoredPairs, grid: Floats | None = None) -> FoldedAccuracy:
    """Accuracy of each fold at the threshold that is best on all other folds.

    Args:
        pairs: with at least two folds.
        grid: similarities to choose among, strict last; None takes the places between neighbouring scores. Of several
            best thresholds the middle one is taken; of a grid, the strictest, as InsightFace's verification.py does.

    Raises:
        ManifestError: a single fold, or a fold that leaves no mated or no non-mated pair to choose on.
    """
    numbers = np.unique(pairs.folds)
    if len(numbers) < 2:
        raise ManifestError("accuracy over folds needs a list with at least two folds")
    accuracies, thresholds = [], []
    decided = np.zeros(len(pairs.scores), np.bool_)
    for fold in numbers:
        held = pairs.folds == fold
        known = ~held & np.isfinite(pairs.scores)
        if pairs.mated[known].all() or not pairs.mated[known].any():
            raise ManifestError(f"without fold {fold} the list has no mated or no non-mated pair with two faces")
        limit = _best_threshold(pairs.scores[known], pairs.mated[known], grid)
        thresholds.append(limit)
        right = ((pairs.scores[held] >= limit) == pairs.mated[held]) & np.isfinite(pairs.scores[held])
        decided[held] = right
        accuracies.append(float(right.mean()))
    mean, deviation = float(np.mean(accuracies)), float(np.std(accuracies))
    return FoldedAccuracy(mean, deviation, tuple(thresholds), tuple(accuracies), decided)


def _best_threshold(scores: Floats, mated: Truths, grid: Floats | None) -> float:
    order = np.argsort(-scores, kind="stable")
    ranked, truth = scores[order].astype(np.float64), mated[order]
    # right[k]: decisions that are right when the k best are accepted.
    right = np.concatenate([[0], np.cumsum(truth)]) + (~truth).sum() - np.concatenate([[0], np.cumsum(~truth)])
    if grid is not None:
        accepted = np.searchsorted(-ranked, -grid.astype(np.float64), side="right")
        counts = right[accepted]
        return float(grid[len(grid) - 1 - int(np.argmax(counts[::-1]))])
    # A threshold is between two different scores, or beyond the ends.
    possible = np.concatenate([[True], ranked[1:] < ranked[:-1], [True]])
    best = np.flatnonzero(possible & (right == right[possible].max()))
    chosen = int(best[len(best) // 2])
    edges = np.concatenate([[ranked[0] + 1e-6], ranked, [ranked[-1] - 1e-6]])
    return float((edges[chosen] + edges[chosen + 1]) / 2)


def squared_l2_grid() -> Floats:
    """The thresholds that the field's published accuracies were chosen from: squared L2 0, 0.01 ... 3.99, as cosines.

    A pair is accepted there when its squared distance is below the threshold; here when its cosine is at least the
    threshold, which differs for equal values alone.
    """
    return (1 - np.arange(3.99, -0.005, -0.01) / 2).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """The receiver operating characteristic at every distinct score.

    Attributes:
        thresholds: (K,) similarities, strict first; the first one accepts nothing.
        fmr: (K,) share of non-mated pairs accepted.
        tmr: (K,) share of mated pairs accepted.
    """

    thresholds: Floats
    fmr: NDArray[np.float64]
    tmr: NDArray[np.float64]


def roc(scores: Floats, mated: Truths) -> Roc:
    """The exact empirical ROC, without interpolation.

    Raises:
        ManifestError: no mated or no non-mated pair.
    """
    if mated.all() or not mated.any():
        raise ManifestError("a list of pairs needs mated and non-mated ones; this one has one kind alone")
    order = np.argsort(-scores, kind="stable")
    ranked, truth = scores[order], mated[order]
    last = np.flatnonzero(np.concatenate([ranked[1:] != ranked[:-1], [True]]))
    hits, errors = np.cumsum(truth)[last], np.cumsum(~truth)[last]
    return Roc(
        np.concatenate([[np.inf], ranked[last]]).astype(np.float32),
        np.concatenate([[0], errors]) / (~truth).sum(),
        np.concatenate([[0], hits]) / truth.sum(),
    )


def area(curve: Roc) -> float:
    """The area under the ROC, by trapezes: the chance that a mated pair scores better than a non-mated one."""
    return float(np.trapezoid(curve.tmr, curve.fmr))


def equal_error_rate(curve: Roc) -> tuple[float, float]:
    """The rate at which FMR and FNMR are equal, and its threshold; the mean of the two where they cross."""
    gap = np.abs(curve.fmr - (1 - curve.tmr))
    place = int(np.argmin(gap))
    return float((curve.fmr[place] + 1 - curve.tmr[place]) / 2), float(curve.thresholds[place])


def place_pairs(
    names: Sequence[str], failed: Sequence[str], wanted: Sequence[tuple[str, str, str]], source: str
) -> NDArray[np.int64]:
    """Which samples a list of pairs means.

    Args:
        names: of the samples that have an embedding: a path, or a name of their own.
        failed: of the samples that have none.
        wanted: for each pair its two names and where it stands, for messages.
        source: the set, for messages.

    Returns:
        (P, 2) sample numbers, -1 where a sample has no embedding.

    Raises:
        ManifestError: a name that no sample or more than one has.
    """
    places = SamplePlaces(names, failed, source)
    found = np.empty((len(wanted), 2), np.int64)
    for row, (a, b, where) in enumerate(wanted):
        for side, name in enumerate((a, b)):
            place = places.find(name)
            if isinstance(place, str):
                raise ManifestError(f"{where}: {place}")
            found[row, side] = place
    return found


AMBIGUOUS = -2
NUMBERED = re.compile(r"(.+)_(\d{1,9})", re.ASCII)


class SamplePlaces:
    """Where the samples are that a list of pairs names.

    A sample has its path, the last two parts of it, its file's name, and that without the ending. Where none of these
    is the name in the list, numbers are compared by their value: s1_0001 is the file s1_1.jpg, and s1/1.jpg. A path
    in other folders is the same file only if that is called after its folder, as in Name/Name_0001.jpg: other people
    have a 1.jpg too.
    """

    def __init__(self, names: Sequence[str], failed: Sequence[str], source: str) -> None:
        self.source = source
        self._exact: dict[str, int] = {}
        self._numbered: dict[str, int] = {}
        self._telling: dict[str, int] = {}
        for number, name in [*enumerate(names), *((-1, name) for name in failed)]:
            written = unicodedata.normalize("NFC", name)
            *above, file = written.split("/")
            stem, folder = file.rsplit(".", 1)[0], above[-1] if above else ""
            for alias in {written, "/".join(written.split("/")[-2:]), file, stem}:
                _add(self._exact, alias, number)
            for alias in {_by_value(stem), _by_value(f"{folder}_{stem}")} - {""}:
                _add(self._numbered, alias, number)
            if folder and stem.startswith(folder):
                _add(self._telling, file, number)

    def find(self, name: str) -> int | str:
        """The number of a sample, -1 where it has no embedding; or why no sample can be meant."""
        written = unicodedata.normalize("NFC", name).replace("\\", "/")
        *above, file = written.split("/")
        tries = [(self._exact, written)]
        if above:
            tries += [(self._exact, f"{above[-1]}/{file}"), (self._telling, file)]
        else:
            tries += [(self._numbered, _by_value(file)), (self._numbered, _by_value(file.rsplit(".", 1)[0]))]
        for places, alias in tries:
            place = places.get(alias)
            if place == AMBIGUOUS:
                return f"several samples of {self.source} are called {alias}; give their paths"
            if place is not None:
                return place
        return f"{name} is not in {self.source}; take the pair out, or add the image"


def _add(places: dict[str, int], alias: str, number: int) -> None:
    places[alias] = AMBIGUOUS if alias in places and places[alias] != number else number


def _by_value(stem: str) -> str:
    """A name with its number by its value: s1_0001 and s1_1 are one; empty for a name without a number."""
    match = NUMBERED.fullmatch(stem)
    return f"{match[1]}_{int(match[2])}" if match else ""
