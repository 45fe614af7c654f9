"""Operations on people whom cameras saw and nobody knows: list, show, name, ignore and erase them.

A person is a group of visits that seem to be theirs; each list makes groups again, so requests name visits.
"""

import hashlib
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from mien.gallery.gallery import TemplatesEnrolment
from mien.gallery.records import NewTemplate, SubjectRow
from mien.service.answers import Answer, score_answer
from mien.service.auditing import note
from mien.service.bodies import RequestModel, body
from mien.service.cameras import Cameras
from mien.service.errors import ServiceError, not_found
from mien.service.galleries import OpenGallery
from mien.service.idempotency import WriteRoute
from mien.service.operations import takes
from mien.service.routes.galleries import GalleryId, gallery_for
from mien.service.routes.subjects import (
    ConflictAnswer,
    Enroller,
    Eraser,
    Id,
    SubjectAnswer,
    SubjectName,
    profile_of,
    subject_answer,
)
from mien.service.state import engines_of, forget_names, in_thread
from mien.service.times import time_text
from mien.service.unknown_groups import group_visits
from mien.service.unknown_store import UnknownStore, Visit
from mien.watch.unknown import KeptFace

router = APIRouter(prefix="/v1/galleries/{gallery_id}/unknown", tags=["unknown"], route_class=WriteRoute)

VisitId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$", description="Opaque id of a visit.")]
Visits = Annotated[list[VisitId], Field(min_length=1, max_length=1000)]


class VisitAnswer(Answer):
    """Somebody was before a camera, and was not recognized."""

    id: str
    camera: str
    """The id of the camera."""
    at: str
    """When they left."""
    expires: str | None
    """When the visit is erased; null for those of people who are ignored."""


class UnknownPersonAnswer(Answer):
    """Visits that seem to be of one person, the newest first."""

    visits: list[VisitAnswer]


class UnknownAnswer(Answer):
    """The people of a gallery whom nobody knows, those who came last first."""

    people: list[UnknownPersonAnswer]
    ignored: list[UnknownPersonAnswer]
    """Those of whom cameras say nothing any more."""


class NameUnknownRequest(RequestModel):
    """Who it is: a new subject by name, or one that there is by id."""

    visits: Visits
    name: SubjectName | None = None
    subject: Id | None = None


class UnknownNamedAnswer(Answer):
    """The subject, with the samples of the visits; the visits are gone."""

    subject: SubjectAnswer
    added: int
    """Samples that were enrolled."""
    conflicts: list[ConflictAnswer]
    """Doubts about whom they show."""


class IgnoreUnknownRequest(RequestModel):
    """Whom cameras should say nothing of."""

    visits: Visits


class UnknownIgnoredAnswer(Answer):
    """They are ignored until they are erased."""

    visits: list[VisitAnswer]


class EraseUnknownRequest(RequestModel):
    """Which visits are erased."""

    visits: Visits


class UnknownErasedAnswer(Answer):
    """The visits are gone, and their keys where no other visit of the same hour needs them."""

    visits: int


@router.get("", operation_id="list_unknown")
async def list_unknown(request: Request, gallery_id: GalleryId, caller: Enroller) -> UnknownAnswer:
    """List the people whom the gallery's cameras did not recognize, as far as they are kept, in groups."""
    gallery, store, card = gallery_for(request, caller, gallery_id), _store(request), engines_of(request).card

    def work() -> UnknownAnswer:
        contract = gallery.gallery.store.identity.contract
        kept = [one for one in store.visits(gallery.id) if one.contract == contract]
        ignored = dict[str, list[Visit]]()
        for one in kept:
            if one.ignored is not None:
                ignored.setdefault(one.ignored, []).append(one)
        visits = [one for one in kept if one.ignored is None]
        read = [(one, rows) for one, rows in zip(visits, store.embeddings(visits), strict=True) if len(rows)]
        places = group_visits([rows for _, rows in read], card) if gallery.fits else [[n] for n in range(len(read))]
        people = [[read[place][0] for place in group] for group in places]
        return UnknownAnswer(people=_people(people), ignored=_people(list(ignored.values())))

    return await in_thread(work)


@router.get(
    "/{visit_id}/portrait",
    operation_id="get_unknown_portrait",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "The best portrait of the visit."}},
)
async def get_unknown_portrait(
    request: Request, gallery_id: GalleryId, visit_id: VisitId, caller: Enroller
) -> Response:
    """The best portrait of a visit."""
    gallery, store = gallery_for(request, caller, gallery_id), _store(request)
    (visit,) = await in_thread(store.find, gallery.id, [visit_id])
    faces = await in_thread(store.faces, visit)
    if not faces:
        raise not_found("visit")
    return Response(faces[0].portrait.jpeg, media_type="image/jpeg")


@router.post("/name", operation_id="name_unknown", openapi_extra=takes(NameUnknownRequest))
async def name_unknown(
    request: Request,
    gallery_id: GalleryId,
    caller: Enroller,
    asked: Annotated[NameUnknownRequest, Depends(body(NameUnknownRequest))],
) -> UnknownNamedAnswer:
    """Make a subject of somebody, or add them to one: the samples that were kept are enrolled."""
    gallery, store = gallery_for(request, caller, gallery_id), _store(request)
    gallery.require_fit()
    if (asked.name is None) == (asked.subject is None):
        raise ServiceError(422, "invalid_request", "give either name, for a new subject, or subject, the id of one")

    def work() -> tuple[SubjectRow, TemplatesEnrolment]:
        visits = store.find(gallery.id, asked.visits)
        require_contract(gallery, visits)
        faces = [face for visit in visits for face in store.faces(visit)]
        if not faces:
            raise not_found("visit")
        subject = _subject(gallery, asked)
        templates = [_template(face, subject) for face in faces]
        done = gallery.gallery.enrol_templates(templates, subject.id, engines_of(request).card)
        store.delete(visits)
        return gallery.gallery.store.subject(subject.id), done

    subject, done = await in_thread(work)
    note(request.state, subject=subject.id)
    return UnknownNamedAnswer(
        subject=subject_answer(subject),
        added=done.added,
        conflicts=[
            ConflictAnswer(kind=one.kind, subject=one.subject, score=score_answer(one.score))
            for one in done.conflicts
        ],
    )


@router.post("/ignore", operation_id="ignore_unknown", openapi_extra=takes(IgnoreUnknownRequest))
async def ignore_unknown(
    request: Request,
    gallery_id: GalleryId,
    caller: Enroller,
    asked: Annotated[IgnoreUnknownRequest, Depends(body(IgnoreUnknownRequest))],
) -> UnknownIgnoredAnswer:
    """Say nothing of somebody any more: who is more like them than like a subject is in no event and no delivery.

    Their samples are kept until they are erased.
    """
    gallery, store = gallery_for(request, caller, gallery_id), _store(request)
    note(request.state, subject=asked.visits[0])

    def work() -> list[Visit]:
        visits = [one for one in store.find(gallery.id, asked.visits) if one.ignored is None]
        require_contract(gallery, visits)
        if not visits:
            raise ServiceError(409, "already_ignored", "they are ignored already")
        person = store.ignore(visits)
        return [one for one in store.visits(gallery.id) if one.ignored == person]

    return UnknownIgnoredAnswer(visits=_visits(await in_thread(work)))


@router.post("/erase", operation_id="erase_unknown", openapi_extra=takes(EraseUnknownRequest))
async def erase_unknown(
    request: Request,
    gallery_id: GalleryId,
    caller: Eraser,
    asked: Annotated[EraseUnknownRequest, Depends(body(EraseUnknownRequest))],
) -> UnknownErasedAnswer:
    """Erase visits before their hours are over; somebody who was ignored is then unknown again."""
    gallery, store = gallery_for(request, caller, gallery_id), _store(request)
    note(request.state, subject=asked.visits[0])
    visits = await in_thread(store.find, gallery.id, asked.visits)
    await in_thread(store.delete, visits)
    await in_thread(forget_names, request.app.state)
    return UnknownErasedAnswer(visits=len(visits))


def _store(request: Request) -> UnknownStore:
    cameras: Cameras = request.app.state.cameras
    return cameras.stores.unknown


def require_contract(gallery: OpenGallery, visits: Sequence[Visit]) -> None:
    """Refuse visits whose embeddings are another model's than the gallery's.

    Raises:
        ServiceError: the gallery was embedded again since.
    """
    contract = gallery.gallery.store.identity.contract
    if any(one.contract != contract for one in visits):
        message = "the gallery has another recognizer now than when this visit was kept: enrol a photograph instead"
        raise ServiceError(409, "contract_mismatch", message)


def _subject(gallery: OpenGallery, asked: NameUnknownRequest) -> SubjectRow:
    """The subject that gets the samples; a new one only where no consent is required, since it has none."""
    store = gallery.gallery.store
    if asked.subject is not None:
        return store.subject(asked.subject)
    if store.settings().requires_consent:
        message = "this gallery requires a consent: add the subject with theirs, then give its id in subject"
        raise ServiceError(409, "no_consent", message)
    return store.create_subject(profile_of(asked.name or "", {}, None, "active"))


def _template(face: KeptFace, subject: SubjectRow) -> NewTemplate:
    sha256 = hashlib.sha256(face.portrait.jpeg).hexdigest()
    return NewTemplate(subject.name, sha256, face.embedding, face.portrait, doubts=face.doubts, owner=subject.id)


def _people(groups: Sequence[Sequence[Visit]]) -> list[UnknownPersonAnswer]:
    return [UnknownPersonAnswer(visits=_visits(group)) for group in groups]


def _visits(visits: Sequence[Visit]) -> list[VisitAnswer]:
    return [
        VisitAnswer(
            id=one.id,
            camera=one.camera,
            at=time_text(one.at),
            expires=None if one.expires is None else time_text(one.expires),
        )
        for one in visits
    ]
