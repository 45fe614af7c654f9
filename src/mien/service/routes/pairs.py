"""The operation that compares many pairs of photographs, such as identity cards and selfies, and keeps nothing."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field, model_validator

from mien.gallery.threshold_policies import parse_policy, resolve_without_gallery
from mien.service.answers import Answer, PairAnswer, ThresholdAnswer, notes_answer, pair_answer, threshold_answer
from mien.service.bodies import ImageBytes, RequestModel, body
from mien.service.engines import SharedPipeline
from mien.service.operations import takes
from mien.service.routes.stateless import Language, Recognizing
from mien.service.state import engines_of, metrics_of
from mien.service.uploads import size
from mien.verify.deciding import decide_pairs
from mien.verify.pair_list import AskedPair

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
    first, second = (
        [size(request, f"{name}[{place}]", data) for place, data in enumerate(images)]
        for name, images in (("first", asked.first), ("second", asked.second))
    )
    pairs = [
        AskedPair(row=row, id=str(row), first=a.name, second=b.name)
        for row, (a, b) in enumerate(zip(first, second, strict=True), 1)
    ]

    def work(pipeline: SharedPipeline) -> VerifyPairsAnswer:
        chosen = resolve_without_gallery(policy, engines.card)
        decided = decide_pairs(pairs, [*first, *second], pipeline, chosen, engines.card)
        for one in decided:
            metrics_of(request).decide(one.outcome)
        return VerifyPairsAnswer(
            pairs=[pair_answer(one, asked.language) for one in decided],
            unit=engines.card.unit,
            threshold=threshold_answer(str(policy), chosen, engines.card),
            notes=notes_answer(chosen.notes, asked.language),
        )

    return await engines.run(request, work)
