"""Decisions. The only place where a score is compared with a threshold.

A decision needs a score and a threshold that come from the same embedding contract and speak the same unit. It is
uncertain, and never a yes, where a face is outside of what the threshold was measured on; see mien.scope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mien.errors import ContractError
from mien.notebook import html_table
from mien.scope import Doubt, beyond
from mien.types import Score, Threshold
from mien.units import better_is_higher, convert


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether two samples match, and what that rests on. It is true for a match alone.

    Attributes:
        outcome: "uncertain" where the threshold's false match rate does not hold for one of the faces.
        score: of the comparison.
        threshold: what it was compared with.
        doubts: in what the faces are outside of what the threshold was measured on, and the rates known for that.
    """

    outcome: Literal["match", "no match", "uncertain"]
    score: Score
    threshold: Threshold
    doubts: tuple[Doubt, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the score reaches the threshold, for whomever its rate holds."""
        return accepts(self.score, self.threshold)

    def __bool__(self) -> bool:
        return self.outcome == "match"

    def _repr_html_(self) -> str:
        """The outcome with what it rests on, for notebooks."""
        rate = self.threshold
        interval = f" ({rate.fmr_interval[0]:g} to {rate.fmr_interval[1]:g})" if rate.fmr_interval else ""
        rows = [
            ("score", f"{self.score.unit} {self.score.value:.3f}"),
            ("threshold", f"{rate.unit} {rate.value:.3f}"),
            ("false match rate", f"{rate.fmr:g}{interval}"),
            ("measured on", rate.protocol),
            *(("outside of it", doubt.code) for doubt in self.doubts),
        ]
        return html_table(self.outcome, rows)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One subject of a gallery with its best score.

    Attributes:
        subject: the name.
        score: of its most similar sample.
        sample: the number of that sample; None where it is not in the gallery yet.
        subject_id: of the subject, which never changes; empty where it is not in the gallery yet.
    """

    subject: str
    score: Score
    sample: int | None = None
    subject_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """Who a face is. It is true for a subject alone.

    Attributes:
        subject: the name of the best subject whose score is accepted, or None: unknown, uncertain or refused.
        candidates: the best subjects, best first, whatever their scores; none where the face was refused.
        threshold: what the decision rests on.
        doubts: in what the face is outside of what the threshold was measured on, and the rates known for that.
        refused: whether the policy of scope demanded another image.
        rests_on: where the best score is accepted, what was doubtful of that sample when it was enrolled, with the
            rates known for that.
    """

    subject: str | None
    candidates: tuple[Candidate, ...]
    threshold: Threshold
    doubts: tuple[Doubt, ...] = ()
    refused: bool = False
    rests_on: tuple[Doubt, ...] = ()

    @property
    def subject_id(self) -> str | None:
        """The id of the subject, or None."""
        return self.candidates[0].subject_id if self.subject is not None else None

    @property
    def is_uncertain(self) -> bool:
        """Whether the threshold's false match rate does not hold for the face, or for the sample that it matches."""
        return bool(beyond(self.doubts) or beyond(self.rests_on))

    @property
    def decision(self) -> str:
        """The subject, or "unknown", "uncertain", "refused"."""
        if self.refused:
            return "refused"
        if self.is_uncertain:
            return "uncertain"
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


def verify(score: Score, threshold: Threshold, doubts: Sequence[Doubt] = ()) -> Decision:
    """Decide one comparison, with the doubts about both faces."""
    accepted = accepts(score, threshold)
    if beyond(doubts):
        return Decision("uncertain", score, threshold, tuple(doubts))
    return Decision("match" if accepted else "no match", score, threshold, tuple(doubts))


def identify(
    candidates: Sequence[Candidate],
    threshold: Threshold,
    doubts: Sequence[Doubt] = (),
    *,
    demand: bool = False,
    enrolled: Sequence[Doubt] = (),
) -> Identification:
    """Decide a search from its candidates, best first.

    Args:
        candidates: of the search.
        threshold: what decides.
        doubts: about the face.
        demand: whether a face for which the threshold's rate does not hold is refused.
        enrolled: what was doubtful of the best candidate's sample when it was enrolled.
    """
    refused = demand and bool(beyond(doubts))
    accepted = bool(candidates) and accepts(candidates[0].score, threshold) and not refused
    rests_on = tuple(enrolled) if accepted else ()
    certain = accepted and not beyond([*doubts, *rests_on])
    return Identification(
        subject=candidates[0].subject if certain else None,
        candidates=() if refused else tuple(candidates),
        threshold=threshold,
        doubts=tuple(doubts),
        refused=refused,
        rests_on=rests_on,
    )
