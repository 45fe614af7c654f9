"""The operation that compares many pairs of photographs, such as identity cards and selfies, and keeps nothing."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field, model_validator

from mien.gallery.scoping import measured
from mien.gallery.threshold_policies import parse_policy, resolve_without_gallery
from mien.gallery.thresholds import ChosenThreshold
from mien.gallery.verification import ONE_FACE
from mien.models.card import ModelCard
from mien.scope import scope_policy
from mien.service.answers import Answer, ThresholdAnswer, notes_answer, score_answer, threshold_answer
from mien.service.bodies import ImageBytes, RequestModel, body
from mien.service.engines import SharedPipeline, SizedItem
from mien.service.operations import takes
from mien.service.routes.stateless import Language, Recognizing
from mien.service.state import engines_of, metrics_of
from mien.service.uploads import size
from mien.settings import load_settings
from mien.verify.compared_images import ComparedImage, compared_image
from mien.verify.decisions import DecisionRule, PairDecision, Reason, decide_pair, score_all_pairs
from mien.verify.pair_list import AskedPair
from mien.verify.review import FACTOR, review_band

router = APIRouter(prefix="/v1", tags=["stateless"])

MAX_PAIRS = 30
"""Pairs of one request; two images each, which the limit on parts allows."""


class VerifyPairsRequest(RequestModel):
    """Photographs in two columns: the first of one with the first of the other, and so on."""

    first: Annotated[tuple[ImageBytes, ...], Field(min_length=1, max_length=MAX_PAIRS)]
    second: Annotated[tuple[ImageBytes, ...], Field(min_length=1, max_length=MAX_PAIRS)]
    threshold: str = "fmr:1e-3"
    """The false match rate whose threshold decides: fmr:1e-3."""
    language: Language = "en"

    @model_validator(mode="after")
    def _has_pairs(self) -> "VerifyPairsRequest":
        if len(self.first) != len(self.second):
            raise ValueError(
                f"first has {len(self.first)} images and second {len(self.second)}: send as many of both"
            )
        return self


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


class VerifyPairsAnswer(Answer):
    """The decisions on all pairs, in their order."""

    pairs: list[PairAnswer]
    unit: str
    threshold: ThresholdAnswer
    notes: list[str]


@router.post("/verify-pairs", operation_id="verify_pairs", openapi_extra=takes(VerifyPairsRequest))
async def verify_pairs(
    request: Request,
    caller: Recognizing,
    asked: Annotated[VerifyPairsRequest, Depends(body(VerifyPairsRequest))],
) -> VerifyPairsAnswer:
    """Compare pairs of photographs. An image without a face fails its pair alone."""
    engines, policy = engines_of(request), parse_policy(asked.threshold)
    columns = [
        [size(request, f"{name}[{place}]", data) for place, data in enumerate(images)]
        for name, images in (("first", asked.first), ("second", asked.second))
    ]

    def work(pipeline: SharedPipeline) -> VerifyPairsAnswer:
        chosen = resolve_without_gallery(policy, engines.card)
        decided = _decide(pipeline, columns[0], columns[1], chosen, engines.card)
        for one in decided:
            metrics_of(request).decide(one.outcome)
        return VerifyPairsAnswer(
            pairs=[_pair(one, asked.language) for one in decided],
            unit=engines.card.unit,
            threshold=threshold_answer(str(policy), chosen, engines.card),
            notes=notes_answer(chosen.notes, asked.language),
        )

    return await engines.run(request, work)


def _decide(
    pipeline: SharedPipeline,
    first: list[SizedItem],
    second: list[SizedItem],
    chosen: ChosenThreshold,
    card: ModelCard,
) -> list[PairDecision]:
    """Decide as `mien verify` does."""
    scope = scope_policy(None)
    analyses = pipeline.analyse([*first, *second], cutouts=True, only=ONE_FACE)
    found = [compared_image(one, (0, 0)) for one in measured(analyses, scope, pipeline.workers, ONE_FACE)]
    images: dict[str, ComparedImage] = {one.path: one for one in found}
    pairs = [
        AskedPair(row=row, id=str(row), first=a.name, second=b.name)
        for row, (a, b) in enumerate(zip(first, second, strict=True), 1)
    ]
    band = review_band(chosen.threshold, card, load_settings().group, FACTOR)
    rule = DecisionRule(threshold=chosen.threshold, card=card, policy=scope, band=band)
    assert card.embedding is not None
    scores = score_all_pairs(pairs, images, card.embedding.metric, {})
    return [decide_pair(pair, images, scores.get(pair.row), rule) for pair in pairs]


def _pair(one: PairDecision, language: str) -> PairAnswer:
    return PairAnswer(
        outcome=one.outcome,
        score=None if one.decision is None else score_answer(one.decision.score),
        review=one.review,
        reasons=[_reason(reason, language) for reason in one.reasons],
    )


def _reason(one: Reason, language: str) -> PairReasonAnswer:
    message = one.text if isinstance(one.text, str) else one.text.text(language)
    return PairReasonAnswer(code=one.code, side=one.side, message=message, review=one.review)
