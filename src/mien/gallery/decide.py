"""Decisions. The only place where a score is compared with a threshold.

A decision needs a score and a threshold that come from the same embedding contract and speak the same unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mien.errors import ContractError
from mien.types import Score, Threshold
from mien.units import better_is_higher, convert


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether two samples match, and what that rests on. It is true for a match and false for none."""

    outcome: Literal["match", "no match"]
    score: Score
    threshold: Threshold

    def __bool__(self) -> bool:
        return self.outcome == "match"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One subject of a gallery with its best score."""

    subject: str
    score: Score


@dataclass(frozen=True, slots=True)
class Identification:
    """Who a face is. It is true for a subject and false for unknown.

    Attributes:
        subject: the best subject whose score is accepted, or None: unknown.
        candidates: the best subjects, best first, whatever their scores.
        threshold: what the decision rests on.
    """

    subject: str | None
    candidates: tuple[Candidate, ...]
    threshold: Threshold

    @property
    def decision(self) -> str:
        """The subject, or "unknown"."""
        return self.subject if self.subject is not None else "unknown"

    def __bool__(self) -> bool:
        return self.subject is not None


def accepts(score: Score, threshold: Threshold) -> bool:
    """Whether a score is at least as good as a threshold asks for.

    Raises:
        ContractError: score and threshold come from different models, or from units that do not convert.
    """
    if score.contract != threshold.contract:
        raise ContractError(
            f"this score comes from embedding contract {score.contract}, the threshold from {threshold.contract}: "
            "measure a threshold for the model that made the score"
        )
    limit = convert(threshold.value, threshold.unit, score.unit, unit_length=False)
    return score.value >= limit if better_is_higher(score.unit) else score.value <= limit


def verify(score: Score, threshold: Threshold) -> Decision:
    """Decide one comparison."""
    return Decision("match" if accepts(score, threshold) else "no match", score, threshold)


def identify(candidates: Sequence[Candidate], threshold: Threshold) -> Identification:
    """Decide a search from its candidates, best first."""
    best = candidates[0] if candidates and accepts(candidates[0].score, threshold) else None
    return Identification(best.subject if best else None, tuple(candidates), threshold)
