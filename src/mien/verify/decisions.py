"""A decision for every row of a list: match, no match, uncertain, or failed, with the reasons.

Owns what a person should look at: scores near the threshold, uncertain decisions, images in which another person is
about as prominent, pairs of one and the same image, and decisions that contradict the list. Opens no file.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.gallery.decide import Decision, verify
from mien.gallery.scoping import refusal
from mien.messages import Message, Text
from mien.messages.figures import score_text
from mien.models.card import ModelCard
from mien.scope import Doubt, ScopePolicy, beyond, doubts_about
from mien.scores import score_pairs
from mien.types import Score, Threshold
from mien.units import Metric
from mien.verify.compared_images import ComparedImage
from mien.verify.pair_list import AskedPair
from mien.verify.review import ReviewBand

Outcome = Literal["match", "no match", "uncertain", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("match", "no match", "uncertain", "failed")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a decision is what it is, or why a person should look at it.

    Attributes:
        code: which reason, in a word.
        side: "a" or "b" where it is about one image; empty where it is about the pair.
        text: the reason as a sentence.
        review: whether a person should look at the pair for it.
    """

    code: str
    side: Literal["", "a", "b"]
    text: Text
    review: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairDecision:
    """What became of one row of the list. It is true for a match alone.

    Attributes:
        pair: the row.
        decision: with the score; None where the pair could not be compared.
        reasons: why it failed, why it is uncertain, and why a person should look at it.
        images: of both files; None where a file was not opened.
    """

    pair: AskedPair
    decision: Decision | None
    reasons: tuple[Reason, ...] = ()
    images: tuple[ComparedImage | None, ComparedImage | None] = (None, None)

    @property
    def outcome(self) -> Outcome:
        """The decision, or "failed"."""
        return "failed" if self.decision is None else self.decision.outcome

    @property
    def review(self) -> bool:
        """Whether a person should look at the pair."""
        return any(one.review for one in self.reasons)

    @property
    def is_right(self) -> bool | None:
        """Whether the decision is what the list says; None where either is not known."""
        if self.pair.label is None or self.outcome not in ("match", "no match"):
            return None
        return (self.outcome == "match") == self.pair.label

    def __bool__(self) -> bool:
        return self.outcome == "match"


def count_outcomes(decisions: Sequence[PairDecision]) -> dict[Outcome, int]:
    """Number of pairs for each outcome, also those that no pair has."""
    found = Counter(one.outcome for one in decisions)
    return {outcome: found[outcome] for outcome in OUTCOMES}


def score_all_pairs(
    pairs: Sequence[AskedPair], images: Mapping[str, ComparedImage], metric: Metric, known: Mapping[int, float]
) -> dict[int, float]:
    """The score of each pair of two faces, by the pair's row.

    Args:
        pairs: of the list.
        images: by path.
        metric: of the embeddings.
        known: scores of an earlier run, which go before.
    """
    scores = dict(known)
    for pair in pairs:
        a, b = (images.get(path) for path in (pair.first, pair.second))
        if pair.row in scores or a is None or b is None or a.embedding is None or b.embedding is None:
            continue
        scores[pair.row] = float(score_pairs(a.embedding[None], b.embedding[None], metric)[0])
    return scores


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """What every decision of a list rests on.

    Attributes:
        threshold: of the false match rate.
        card: of the recognizer.
        policy: what follows where a face is outside of what the threshold was measured on.
        band: the scores that a person should look at; None where that is not known.
    """

    threshold: Threshold
    card: ModelCard
    policy: ScopePolicy
    band: ReviewBand | None


def decide_pair(
    pair: AskedPair, images: Mapping[str, ComparedImage], score: float | None, rule: DecisionRule
) -> PairDecision:
    """Decide one row.

    Args:
        pair: the row.
        images: by path.
        score: of the pair; None where one of its images has no face.
        rule: what the decision rests on.
    """
    if pair.problem:
        return PairDecision(pair=pair, decision=None, reasons=(Reason("row", "", pair.problem, review=False),))
    a, b = images[pair.first], images[pair.second]
    doubts = [_doubts(one, rule) for one in (a, b)]
    failures = [*_without_face("a", a), *_without_face("b", b), *_demanded(doubts, rule.policy)]
    if failures or score is None:
        return PairDecision(pair=pair, decision=None, reasons=tuple(failures), images=(a, b))
    decision = verify(Score(score, rule.card.unit, rule.card.contract), rule.threshold, (*doubts[0], *doubts[1]))
    made = PairDecision(pair=pair, decision=decision, images=(a, b))
    reasons = [*_uncertain(doubts), *_near(score, rule), *_about_images(a, b), *_contradiction(made)]
    return PairDecision(pair=pair, decision=decision, reasons=tuple(reasons), images=(a, b))


def _doubts(image: ComparedImage, rule: DecisionRule) -> tuple[Doubt, ...]:
    return () if image.scope is None else doubts_about(image.scope, rule.threshold)


def _without_face(side: Literal["a", "b"], image: ComparedImage) -> list[Reason]:
    return [] if image.problem is None else [Reason("no-face", side, image.problem, review=False)]


def _demanded(doubts: Sequence[Sequence[Doubt]], policy: ScopePolicy) -> list[Reason]:
    """The images that the policy refuses."""
    if policy != "demand":
        return []
    sides: tuple[Literal["a", "b"], ...] = ("a", "b")
    return [
        Reason("refused", side, Message("verify.refused", {"why": refusal(beyond(found))}), review=False)
        for side, found in zip(sides, doubts, strict=True)
        if beyond(found)
    ]


def _uncertain(doubts: Sequence[Sequence[Doubt]]) -> list[Reason]:
    sides: tuple[Literal["a", "b"], ...] = ("a", "b")
    return [
        Reason(one.code, side, one.message)
        for side, found in zip(sides, doubts, strict=True)
        for one in beyond(found)
    ]


def _near(score: float, rule: DecisionRule) -> list[Reason]:
    if rule.band is None or not rule.band.holds(score):
        return []
    ends = {name: score_text(value) for name, value in (("low", rule.band.low), ("high", rule.band.high))}
    return [Reason("near", "", Message("verify.near", ends))]


def _about_images(a: ComparedImage, b: ComparedImage) -> list[Reason]:
    sides: tuple[Literal["a", "b"], ...] = ("a", "b")
    found = [
        Reason("two-faces", side, Message("verify.two-faces", {"count": image.others + 1}))
        for side, image in zip(sides, (a, b), strict=True)
        if image.ambiguous
    ]
    if a.path == b.path or (a.sha256 and a.sha256 == b.sha256):
        found.append(Reason("same-image", "", Message("verify.same-image")))
    return found


def _contradiction(made: PairDecision) -> list[Reason]:
    if made.is_right is not False:
        return []
    code = "false-match" if made.outcome == "match" else "false-nonmatch"
    return [Reason(code, "", Message(f"verify.{code}"))]


def order_for_review(decisions: Sequence[PairDecision], threshold: float) -> list[int]:
    """The places of the pairs that a person should look at, those nearest to the threshold first."""
    places = [place for place, one in enumerate(decisions) if one.review and one.decision is not None]
    distances = np.array([abs(_score(decisions[place]) - threshold) for place in places])
    return [places[number] for number in np.argsort(distances, kind="stable")]


def _score(one: PairDecision) -> float:
    assert one.decision is not None
    return one.decision.score.value
