"""Operations that keep nothing: detect, embed, compare, check a portrait."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, Field

from mien.errors import ImageError
from mien.gallery.threshold_policies import parse_policy, resolve_without_gallery
from mien.gallery.verification import ComparedFace, compare_with
from mien.messages import check_language
from mien.pipeline import Analysis, Policy
from mien.portrait.checking import Checked, check_examined
from mien.portrait.rules.files import load_rules
from mien.portrait.rules.text import limit_text, rule_title
from mien.portrait.rules.verdicts import RuleVerdict, State
from mien.service.answers import (
    Answer,
    BoxAnswer,
    DecisionAnswer,
    FaceAnswer,
    ReasonAnswer,
    box_answer,
    decision_answer,
    face_answer,
    reasons_answer,
)
from mien.service.auth.callers import Caller, needs
from mien.service.bodies import ImageBytes, RequestModel, body
from mien.service.engines import SharedPipeline, SizedItem
from mien.service.operations import takes
from mien.service.state import config_of, engines_of, limits_of, metrics_of
from mien.service.uploads import refuse_crowds, size, sized

router = APIRouter(prefix="/v1", tags=["stateless"])

Language = Annotated[str, AfterValidator(check_language), Field(description="Of sentences in the answer: en or vi.")]
LARGEST = Policy()
Recognizing = Annotated[Caller, Depends(needs("recognize"))]
Embedding = Annotated[Caller, Depends(needs("embed"))]


class DetectRequest(RequestModel):
    """An image in which faces are looked for."""

    image: ImageBytes


class DetectAnswer(Answer):
    """The faces of an image, best first."""

    width: int
    height: int
    faces: list[FaceAnswer]
    detector: str


@router.post("/detect", operation_id="detect", openapi_extra=takes(DetectRequest))
async def detect(
    request: Request, caller: Recognizing, asked: Annotated[DetectRequest, Depends(body(DetectRequest))]
) -> DetectAnswer:
    """Find the faces of an image; none is an answer too."""
    engines = engines_of(request)
    item = size(request, "image", asked.image)

    def work(pipeline: SharedPipeline) -> DetectAnswer:
        found = analysed(pipeline.without_recognizer(), item)
        refuse_crowds(item.name, len(found.faces), limits_of(request))
        return DetectAnswer(
            width=found.width,
            height=found.height,
            faces=[face_answer(face) for face in found.faces],
            detector=engines.detector_name,
        )

    return await engines.run(request, work)


class EmbedRequest(RequestModel):
    """An image whose faces are embedded."""

    image: ImageBytes
    faces: Literal["all", "largest"] = "all"
    """All faces, or the most prominent one alone."""


class EmbeddedFace(Answer):
    """A face with its embedding."""

    face: FaceAnswer
    embedding: list[float]


class EmbedAnswer(Answer):
    """The embeddings of an image's faces. They are biometric data: whoever has them can search for these people."""

    width: int
    height: int
    faces: list[EmbeddedFace]
    model: str
    metric: str
    contract: str
    """Embeddings of another contract cannot be compared with these."""


@router.post("/embed", operation_id="embed", openapi_extra=takes(EmbedRequest))
async def embed(
    request: Request, caller: Embedding, asked: Annotated[EmbedRequest, Depends(body(EmbedRequest))]
) -> EmbedAnswer:
    """Embed the faces of an image. It gives templates away, so it has a scope of its own."""
    engines = engines_of(request)
    item = size(request, "image", asked.image)

    def work(pipeline: SharedPipeline) -> EmbedAnswer:
        only = LARGEST if asked.faces == "largest" else None
        found = analysed(pipeline, item, only)
        refuse_crowds(item.name, len(found.faces), limits_of(request))
        places = range(len(found.faces))
        if only is not None and found.faces:
            chosen = found.choose(only)
            places = range(chosen, chosen + 1) if isinstance(chosen, int) else range(0)
        return EmbedAnswer(
            width=found.width,
            height=found.height,
            faces=[
                EmbeddedFace(face=face_answer(found.faces[place]), embedding=found.embeddings[place].tolist())
                for place in places
            ],
            model=engines.card.name,
            metric=engines.recognizer.spec.metric,
            contract=engines.card.contract,
        )

    return await engines.run(request, work)


class CompareRequest(RequestModel):
    """Two images, of which the most prominent faces are compared."""

    first: ImageBytes
    second: ImageBytes
    threshold: str = "fmr:1e-3"
    """The false match rate whose threshold decides: fmr:1e-3."""
    language: Language = "en"


class ComparedFaceAnswer(Answer):
    """The face of one image that was compared."""

    face: FaceAnswer
    others: int
    """Number of other faces in the image."""
    ambiguous: bool
    """Whether another face is about as prominent: crop the image to be sure."""
    reasons: list[ReasonAnswer]
    """In what it is outside of what the threshold was measured on."""


class CompareAnswer(Answer):
    """Whether two faces match."""

    decision: DecisionAnswer
    first: ComparedFaceAnswer
    second: ComparedFaceAnswer


@router.post("/compare", operation_id="compare", openapi_extra=takes(CompareRequest))
async def compare(
    request: Request, caller: Recognizing, asked: Annotated[CompareRequest, Depends(body(CompareRequest))]
) -> CompareAnswer:
    """Compare the most prominent faces of two images."""
    engines = engines_of(request)
    first, second = sized(request, first=asked.first, second=asked.second)
    policy, scope = parse_policy(asked.threshold), config_of(request).scope

    def work(pipeline: SharedPipeline) -> CompareAnswer:
        chosen = resolve_without_gallery(policy, engines.card)
        found = compare_with(pipeline, first, second, chosen=chosen, scope=scope)
        metrics_of(request).decide(found.decision.outcome)
        return CompareAnswer(
            decision=decision_answer(found.decision, str(policy), chosen, engines.card, asked.language),
            first=compared_answer(found.first, asked.language),
            second=compared_answer(found.second, asked.language),
        )

    return await engines.run(request, work)


def compared_answer(side: ComparedFace, language: str) -> ComparedFaceAnswer:
    """A compared face."""
    return ComparedFaceAnswer(
        face=face_answer(side.face),
        others=side.others,
        ambiguous=side.ambiguous,
        reasons=reasons_answer(side.doubts, language),
    )


class CheckRequest(RequestModel):
    """A photograph that is checked by rules."""

    image: ImageBytes
    rules: Literal["vn-portrait", "icao"] = "vn-portrait"
    language: Language = "en"


class VerdictAnswer(Answer):
    """What one rule says."""

    id: str
    title: str
    state: State
    severity: Literal["error", "warning"]
    value: float | None
    sd: float
    """Standard deviation of the value; 0 where it is not known."""
    unit: str
    limit: str
    reason: str
    """Why it was not assessed."""
    box: BoxAnswer | None
    """Where the rule looked; null for the whole image."""


class CheckAnswer(Answer):
    """The verdict on a photograph."""

    outcome: Literal["passed", "failed", "not judged"]
    quality: float | None
    """Overall quality, 0 to 100; null where there is no face."""
    width: int
    height: int
    turn: int
    """Degrees clockwise by which the photograph has to be turned."""
    instructions: list[str]
    """What to do, the most urgent first."""
    rules: list[VerdictAnswer]
    box: BoxAnswer | None
    """Of the face."""


@router.post("/portraits/check", operation_id="check_portrait", openapi_extra=takes(CheckRequest))
async def check_portrait(
    request: Request, caller: Recognizing, asked: Annotated[CheckRequest, Depends(body(CheckRequest))]
) -> CheckAnswer:
    """Check a photograph by rules: three states per rule, what was measured, and what to do."""
    item = size(request, "image", asked.image)

    def work(pipeline: SharedPipeline) -> CheckAnswer:
        (examined,) = pipeline.examine([item])
        return _checked(check_examined(examined, load_rules(asked.rules)), asked.language)

    return await engines_of(request).run(request, work)


def _checked(checked: Checked, language: str) -> CheckAnswer:
    return CheckAnswer(
        outcome=checked.outcome,
        quality=None if checked.quality is None else round(checked.quality, 1),
        width=checked.width,
        height=checked.height,
        turn=checked.turn,
        instructions=checked.instructions(language),
        rules=[_verdict(checked, verdict, language) for verdict in checked.verdicts],
        box=None if checked.box is None else box_answer(checked.box),
    )


def _verdict(checked: Checked, verdict: RuleVerdict, language: str) -> VerdictAnswer:
    rule, measured, box = verdict.rule, verdict.measured, checked.place(verdict)
    return VerdictAnswer(
        id=rule.id,
        title=rule_title(rule, language),
        state=verdict.state,
        severity=rule.severity,
        value=None if measured.value is None else round(float(measured.value), 4),
        sd=round(float(measured.sd), 2),
        unit=rule.unit,
        limit=limit_text(rule, language),
        reason=verdict.reason.text(language) if verdict.reason else "",
        box=None if box is None else box_answer(box),
    )


def analysed(pipeline: SharedPipeline, item: SizedItem, only: Policy | None = None) -> Analysis:
    """One image through the pipeline.

    Raises:
        ImageError: it cannot be read.
    """
    (found,) = pipeline.analyse_chunk([item], only=only)
    if found.error is not None:
        raise ImageError(found.error)
    return found
