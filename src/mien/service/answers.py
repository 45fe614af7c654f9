"""What routes answer with: faces, thresholds, decisions, as values of the API. Presents use cases; decides nothing.

Scores are rounded to three decimals: finer ones help to rebuild a face from its embedding.
"""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from mien.gallery.decide import Decision
from mien.gallery.thresholds import ChosenThreshold
from mien.messages import Message, text_of
from mien.models.card import ModelCard
from mien.scope import Doubt, unsuited
from mien.types import Box, Face, Score, Threshold
from mien.verify.decisions import PairDecision, Reason

DIGITS = 3


class Answer(BaseModel):
    """A value of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BoxAnswer(Answer):
    """A rectangle in pixels of the upright image; x2 and y2 are exclusive, and it may leave the image."""

    x1: float
    y1: float
    x2: float
    y2: float


class FaceAnswer(Answer):
    """One face."""

    box: BoxAnswer
    score: float
    """The detector's confidence, 0 to 1."""
    landmarks: list[tuple[float, float]]
    """Pixels x, y in the viewer's order: left eye, right eye, nose, left and right mouth corner."""
    turn: Literal[0, 90, 180, 270]
    """Degrees clockwise by which the image has to be turned for the face to be upright."""


class RateAnswer(Answer):
    """A rate with its 95% interval; the interval is missing where it was not measured on other people."""

    value: float
    low: float | None
    high: float | None


class ThresholdAnswer(Answer):
    """What a score was compared with."""

    policy: str
    """What was asked for, such as fmr:0.001."""
    value: float
    unit: str
    fmr: RateAnswer
    """The false match rate of one comparison."""
    source: Literal["gallery", "card"]
    """Whose threshold it is: measured on the gallery's own people, or the model card's."""
    protocol: str
    contract: str
    """The embedding contract that it was measured with."""


class ReasonAnswer(Answer):
    """Why a rate does not hold for a face, or why a better image should be enrolled."""

    code: str
    message: str
    fmr: RateAnswer | None
    """The false match rate that is known for such faces."""


def box_answer(box: Box) -> BoxAnswer:
    """A box, to a tenth of a pixel."""
    x1, y1, x2, y2 = (round(float(side), 1) for side in box.corners)
    return BoxAnswer(x1=x1, y1=y1, x2=x2, y2=y2)


def face_answer(face: Face) -> FaceAnswer:
    """A face."""
    points = [(round(float(x), 1), round(float(y), 1)) for x, y in face.landmarks]
    values: dict[str, Any] = {"score": round(float(face.score), DIGITS), "landmarks": points, "turn": face.turn}
    return FaceAnswer(box=box_answer(face.box), **values)


def score_answer(score: Score) -> float:
    """A score, rounded."""
    return round(float(score.value), DIGITS)


def threshold_answer(policy: str, chosen: ChosenThreshold, card: ModelCard) -> ThresholdAnswer:
    """A threshold with where it comes from."""
    threshold = chosen.threshold
    low, high = threshold.fmr_interval or (None, None)
    return ThresholdAnswer(
        policy=policy,
        value=round(float(threshold.value), 4),
        unit=threshold.unit,
        fmr=RateAnswer(value=threshold.fmr, low=low, high=high),
        source="card" if _is_of_card(threshold, card) else "gallery",
        protocol=threshold.protocol,
        contract=threshold.contract,
    )


def _is_of_card(threshold: Threshold, card: ModelCard) -> bool:
    rows = (*card.thresholds, *card.group_thresholds)
    wanted = threshold.value
    return any(row.value == wanted and threshold.protocol.startswith(row.protocol) for row in rows)


def reasons_answer(doubts: Sequence[Doubt], language: str) -> list[ReasonAnswer]:
    """What makes a decision uncertain, or a portrait a poor one."""
    return [
        ReasonAnswer(
            code=one.code,
            message=one.message.text(language),
            fmr=None if one.rate is None else RateAnswer(value=one.rate.value, low=one.rate.low, high=one.rate.high),
        )
        for one in unsuited(doubts)
    ]


def notes_answer(notes: Sequence[Message], language: str) -> list[str]:
    """For whom a threshold holds, in sentences."""
    return [one.text(language) for one in notes]


Outcome = Literal["match", "no match", "uncertain"]


class DecisionAnswer(Answer):
    """The decision on one comparison."""

    outcome: Outcome
    """Uncertain where the threshold's rate does not hold for one of the faces; see `reasons` of the faces."""
    score: float
    unit: str
    threshold: ThresholdAnswer
    notes: list[str]
    """For whom the threshold holds, where that has to be said."""


def decision_answer(
    decision: Decision, policy: str, chosen: ChosenThreshold, card: ModelCard, language: str
) -> DecisionAnswer:
    """A decision with what it rests on."""
    return DecisionAnswer(
        outcome=decision.outcome,
        score=score_answer(decision.score),
        unit=decision.score.unit,
        threshold=threshold_answer(policy, chosen, card),
        notes=notes_answer(chosen.notes, language),
    )


class PairReasonAnswer(Answer):
    """Why a pair was decided so, or why a person should look at it."""

    code: str
    side: Literal["", "a", "b"]
    """a is the first image of the pair, b the second; empty where it is about both."""
    message: str
    review: bool
    """Whether a person should look at the pair for it."""


class PairAnswer(Answer):
    """The decision on one pair."""

    outcome: Literal["match", "no match", "uncertain", "failed"]
    """Failed where one of the images has no face that can be compared; see the reasons."""
    score: float | None
    review: bool
    """Whether a person should look at it: a score near the threshold, an uncertain decision, a second face."""
    reasons: list[PairReasonAnswer]


def pair_answer(one: PairDecision, language: str) -> PairAnswer:
    """The decision on a pair."""
    return PairAnswer(
        outcome=one.outcome,
        score=None if one.decision is None else score_answer(one.decision.score),
        review=one.review,
        reasons=[_reason(reason, language) for reason in one.reasons],
    )


def _reason(one: Reason, language: str) -> PairReasonAnswer:
    message = text_of(one.text, language)
    return PairReasonAnswer(code=one.code, side=one.side, message=message, review=one.review)
