"""The decision on all faces of one photograph together: nobody is in it twice, and doubt between two is said.

Takes what was found for each face alone, and gives each subject to one face at most: of all assignments of accepted
candidates, the one whose scores clear the threshold by most in total (a linear sum assignment). Mirrors, and images
within an image, make a person appear twice; then each face is decided alone. Compares no score itself; see
mien.gallery.decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.gallery.decide import Candidate, Identification, accepts
from mien.types import Score, Threshold
from mien.units import convert

Outcome = Literal["match", "unknown", "ambiguous", "uncertain"]


@dataclass(frozen=True, slots=True)
class FaceOutcome:
    """What is decided of one face.

    Attributes:
        outcome: "ambiguous" where two subjects are accepted and neither is another face of the photograph;
            "uncertain" where the threshold's rate does not hold for the face, or for the sample that it matches.
        subjects: the subject of a match; all that are accepted where it is ambiguous or uncertain; else none.
        given_away: whether every subject that would be accepted is another face of the photograph.
    """

    outcome: Outcome
    subjects: tuple[Candidate, ...] = ()
    given_away: bool = False


def decide_photograph(people: Sequence[Identification], *, mirrors: bool = False) -> tuple[FaceOutcome, ...]:
    """Decide on the faces of one photograph together.

    Args:
        people: what was found for each face alone, with several candidates each.
        mirrors: whether one person may be in it several times.
    """
    accepted = [[one for one in person.candidates if accepts(one.score, person.threshold)] for person in people]
    given = [found[0].subject_id if found else None for found in accepted] if mirrors else _assign(people, accepted)
    return tuple(
        _decide(person, found, mine, set() if mirrors else {one for one in given if one is not None and one != mine})
        for person, found, mine in zip(people, accepted, given, strict=True)
    )


def _decide(
    person: Identification, accepted: Sequence[Candidate], given: str | None, others: set[str]
) -> FaceOutcome:
    open_ones = tuple(one for one in accepted if one.subject_id not in others)
    if person.is_uncertain:
        return FaceOutcome("uncertain", open_ones)
    if given is None or not open_ones:
        return FaceOutcome("unknown", given_away=bool(accepted))
    if len(open_ones) > 1:
        return FaceOutcome("ambiguous", open_ones)
    return FaceOutcome("match", open_ones)


def _assign(people: Sequence[Identification], accepted: Sequence[Sequence[Candidate]]) -> list[str | None]:
    """The subject of each face, each subject once; None for a face that gets none."""
    everybody = [one.subject_id for found in accepted for one in found]
    subjects = sorted(set(everybody))
    if len(subjects) == len(everybody):
        return [found[0].subject_id if found else None for found in accepted]
    from scipy.optimize import linear_sum_assignment

    gains = np.zeros((len(people), len(subjects)))
    for row, (person, found) in enumerate(zip(people, accepted, strict=True)):
        for one in found:
            gains[row, subjects.index(one.subject_id)] = _margin(one.score, person.threshold) + np.finfo(float).eps
    given: list[str | None] = [None] * len(people)
    for row, column in zip(*linear_sum_assignment(gains, maximize=True), strict=True):
        if gains[row, column] > 0:
            given[row] = subjects[column]
    return given


def _margin(score: Score, threshold: Threshold) -> float:
    """By how much a score that is accepted clears a threshold, in its own unit."""
    return abs(score.value - convert(threshold.value, threshold.unit, score.unit, unit_length=False))
