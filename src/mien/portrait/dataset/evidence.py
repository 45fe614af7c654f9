"""What a score between two images says about whether they show one person, learned from the data set itself.

Comparisons across folders are nearly all of different people; comparisons within folders are a mixture of those and
of comparisons of one person, whose share and distribution are fitted. Any recognizer will do. Owns no embedding.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.types import Floats, floats

MAX_EVIDENCE = 8.0
"""Largest evidence of one comparison, natural logarithm of odds: scores beyond were hardly ever seen."""
MIN_ACROSS, MIN_WITHIN = 100, 20
"""With fewer comparisons across or within folders, nothing is fitted."""
ROUNDS = 50
"""Rounds of expectation-maximization."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Normal distributions of the scores of one person and of two people.

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
        return floats(np.clip(odds, -MAX_EVIDENCE, MAX_EVIDENCE))


NOTHING = Evidence(1.0, 1.0, 0.0, 1.0, 0.5)
"""Where there is nothing to learn from."""


def fit_evidence(across: Floats, within: Floats) -> Evidence:
    """Fit the mixture of scores within folders by expectation-maximization; higher scores are more alike.

    Args:
        across: scores of images of different folders.
        within: scores of images of one folder.
    """
    if not len(across):
        return NOTHING
    if len(across) < MIN_ACROSS or len(within) < MIN_WITHIN:
        return _from_two_people_alone(across)
    other, other_sd = float(np.median(across)), float(across.std()) + 1e-6
    same, same_sd, share = float(np.median(within)), float(within.std()) + 1e-6, 0.9
    for _ in range(ROUNDS):
        odds = share * _normal(within, same, same_sd)
        belongs = odds / (odds + (1 - share) * _normal(within, other, other_sd) + 1e-300)
        total = float(belongs.sum()) + 1e-9
        same = max(float((belongs * within).sum()) / total, other + 0.5 * other_sd)
        same_sd = float(np.sqrt((belongs * (within - same) ** 2).sum() / total)) + 1e-6
        share = float(np.clip(total / len(within), 0.05, 0.999))
    return Evidence(same, same_sd, other, other_sd, share)


def _normal(values: Floats, mean: float, sd: float) -> NDArray[np.float64]:
    z = (values.astype(np.float64) - mean) / sd
    return np.asarray(np.exp(-z * z / 2) / sd)


def _from_two_people_alone(across: Floats) -> Evidence:
    """One person is taken to be four deviations above two people."""
    other, other_sd = float(np.median(across)), float(across.std()) + 1e-6
    return Evidence(other + 4 * other_sd, 1.3 * other_sd, other, other_sd, 0.9)


def logistic(x: float) -> float:
    """The probability for a natural logarithm of odds."""
    return float(1 / (1 + np.exp(-x)))
