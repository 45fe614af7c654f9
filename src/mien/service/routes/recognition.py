"""Operations that recognize: who the faces of a photograph are, and whether a face is a claimed subject."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from mien.errors import ImageError
from mien.gallery.claims import verify_claim
from mien.gallery.decide import Candidate, Identification
from mien.gallery.identification import identify_images
from mien.gallery.photograph import FaceOutcome, Outcome, decide_photograph
from mien.gallery.threshold_policies import parse_policy
from mien.service.answers import (
    Answer,
    DecisionAnswer,
    FaceAnswer,
    ReasonAnswer,
    ThresholdAnswer,
    decision_answer,
    face_answer,
    notes_answer,
    reasons_answer,
    score_answer,
    threshold_answer,
)
from mien.service.auth.lockout import Lockout
from mien.service.bodies import ImageBytes, RequestModel, body
from mien.service.engines import SharedPipeline
from mien.service.idempotency import WriteRoute
from mien.service.operations import takes
from mien.service.routes.galleries import GalleryId, gallery_for
from mien.service.routes.stateless import ComparedFaceAnswer, Language, Recognizing, compared_answer
from mien.service.routes.subjects import Id
from mien.service.state import config_of, engines_of, limits_of, metrics_of
from mien.service.uploads import refuse_crowds, size
from mien.types import Face

router = APIRouter(prefix="/v1/galleries/{gallery_id}", tags=["recognition"], route_class=WriteRoute)


class IdentifyRequest(RequestModel):
    """A photograph whose faces are searched."""

    image: ImageBytes
    threshold: str | None = None
    """fmr:1e-4 for each comparison, or fpir:1e-2 for each search; by default fmr with the rate of the settings."""
    candidates: Annotated[int, Field(ge=1, le=20)] = 5
    mirrors: bool = False
    """Whether one person may be in the photograph several times."""
    language: Language = "en"


class CandidateAnswer(Answer):
    """A subject that may be meant."""

    id: str
    name: str
    score: float


class IdentifiedFace(Answer):
    """A face and who it is."""

    face: FaceAnswer
    outcome: Outcome
    """match; unknown; ambiguous, where several subjects are accepted; uncertain, where the rate does not hold."""
    subjects: list[CandidateAnswer]
    """The subject of a match; all that are accepted where it is ambiguous or uncertain."""
    given_away: bool
    """Whether every subject that would be accepted is another face of the photograph, which fits it better."""
    candidates: list[CandidateAnswer]
    """The most similar subjects, best first, whatever their scores."""
    reasons: list[ReasonAnswer]


class IdentifyAnswer(Answer):
    """Who the faces of a photograph are; no face is an answer too."""

    width: int
    height: int
    faces: list[IdentifiedFace]
    threshold: ThresholdAnswer
    notes: list[str]


@router.post("/identify", operation_id="identify", openapi_extra=takes(IdentifyRequest))
async def identify(
    request: Request,
    gallery_id: GalleryId,
    caller: Recognizing,
    asked: Annotated[IdentifyRequest, Depends(body(IdentifyRequest))],
) -> IdentifyAnswer:
    """Identify the faces of a photograph, all together: nobody is in it twice, unless mirrors are possible."""
    found, engines, config = gallery_for(request, caller, gallery_id), engines_of(request), config_of(request)
    found.require_fit()
    policy = parse_policy(asked.threshold or f"fmr:{config.identification_fmr:g}")
    item = size(request, "image", asked.image)

    def work(pipeline: SharedPipeline) -> IdentifyAnswer:
        chosen = found.threshold(policy)
        count = max(asked.candidates, 5)
        (image,) = identify_images(found.gallery, [item], pipeline, chosen.threshold, count, config.scope)
        if image.error is not None:
            raise ImageError(image.error)
        refuse_crowds(item.name, len(image.faces), limits_of(request))
        outcomes = decide_photograph(image.people, mirrors=asked.mirrors)
        rows = list(zip(image.faces, image.people, outcomes, strict=True))
        for face, person, outcome in rows:
            best = float(person.candidates[0].score.value) if person.candidates else None
            metrics_of(request).search(outcome.outcome, found.id, best, float(face.score))
        return IdentifyAnswer(
            width=image.width,
            height=image.height,
            faces=[_identified(*row, asked.candidates, asked.language) for row in rows],
            threshold=threshold_answer(str(policy), chosen, engines.card),
            notes=notes_answer(chosen.notes, asked.language),
        )

    return await engines.run(request, work)


def _identified(
    face: Face, person: Identification, outcome: FaceOutcome, count: int, language: str
) -> IdentifiedFace:
    return IdentifiedFace(
        face=face_answer(face),
        outcome=outcome.outcome,
        subjects=[_candidate(one) for one in outcome.subjects],
        given_away=outcome.given_away,
        candidates=[_candidate(one) for one in person.candidates[:count]],
        reasons=reasons_answer((*person.doubts, *person.rests_on), language),
    )


def _candidate(one: Candidate) -> CandidateAnswer:
    return CandidateAnswer(id=one.subject_id, name=one.subject, score=score_answer(one.score))


class VerifyRequest(RequestModel):
    """A photograph of somebody who says who they are."""

    image: ImageBytes
    threshold: str = "fmr:1e-3"
    language: Language = "en"


class VerifyAnswer(Answer):
    """Whether they are."""

    decision: DecisionAnswer
    face: ComparedFaceAnswer
    compared: int
    """Number of the subject's samples."""


@router.post("/subjects/{subject_id}/verify", operation_id="verify_subject", openapi_extra=takes(VerifyRequest))
async def verify_subject(
    request: Request,
    gallery_id: GalleryId,
    subject_id: Id,
    caller: Recognizing,
    asked: Annotated[VerifyRequest, Depends(body(VerifyRequest))],
) -> VerifyAnswer:
    """Compare the most prominent face of a photograph with a subject. Failed attempts are counted and limited."""
    found, engines = gallery_for(request, caller, gallery_id), engines_of(request)
    found.require_fit()
    policy, item = parse_policy(asked.threshold), size(request, "image", asked.image)
    scope = config_of(request).scope
    lockout: Lockout = request.app.state.lockout
    attempt = f"verify {gallery_id} {subject_id}", caller.id
    lockout.require(*attempt)

    def work(pipeline: SharedPipeline) -> VerifyAnswer:
        chosen = found.threshold(policy)
        claim = verify_claim(found.gallery, subject_id, item, pipeline, chosen, scope)
        if claim:
            lockout.succeeded(*attempt)
        else:
            lockout.failed(*attempt)
        metrics_of(request).decide(claim.decision.outcome, found.id)
        return VerifyAnswer(
            decision=decision_answer(claim.decision, str(policy), chosen, engines.card, asked.language),
            face=compared_answer(claim.face, asked.language),
            compared=claim.compared,
        )

    return await engines.run(request, work)
