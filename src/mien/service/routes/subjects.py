"""Operations on subjects and their samples: list, create, change, erase, merge; add, show, move and erase samples."""

import unicodedata
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from mien.data.sample import canonical_subject
from mien.errors import ImageError
from mien.gallery.gallery import Enrolment
from mien.gallery.item_enrolment import enrol_items
from mien.gallery.profiles import Consent, Profile, State
from mien.gallery.records import Erasure, SampleRow, SubjectRow
from mien.pipeline import bytes_item
from mien.service.answers import Answer, ReasonAnswer, reasons_answer, score_answer
from mien.service.auditing import note
from mien.service.auth.callers import Caller, needs
from mien.service.bodies import ImageBytes, RequestModel, body
from mien.service.engines import SharedPipeline, SizedItem
from mien.service.errors import ServiceError, not_found, refusing_values
from mien.service.galleries import OpenGallery
from mien.service.idempotency import WriteRoute
from mien.service.operations import takes
from mien.service.routes.galleries import GalleryId, Reader, gallery_for
from mien.service.routes.stateless import Language
from mien.service.state import config_of, engines_of, forget_names, in_thread
from mien.service.times import Time, time_text
from mien.service.uploads import size

router = APIRouter(prefix="/v1/galleries/{gallery_id}", tags=["subjects"], route_class=WriteRoute)

Enroller = Annotated[Caller, Depends(needs("enrol"))]
Eraser = Annotated[Caller, Depends(needs("erase"))]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
SubjectName = Annotated[str, Field(min_length=1, max_length=500)]
PAGE, MAX_PAGE = 50, 500
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that make a name look like another one by turning the direction of writing (Unicode TR 36)."""


class ConsentBody(RequestModel):
    """What a subject has agreed to."""

    purpose: Annotated[str, Field(min_length=1, max_length=500)]
    since: Time
    until: Time | None = None
    guardian: Annotated[str, Field(max_length=500)] | None = None
    """Who gave it for a child."""

    def value(self) -> Consent:
        """The consent as the gallery has it."""
        until = None if self.until is None else self.until.timestamp()
        with refusing_values():
            return Consent(self.purpose, self.since.timestamp(), until, self.guardian)


class ConsentAnswer(Answer):
    """What a subject has agreed to."""

    purpose: str
    since: str
    until: str | None
    guardian: str | None
    holds: bool
    """Whether it covers this moment."""


class SubjectAnswer(Answer):
    """A subject."""

    id: str
    name: str
    samples: int
    enrolled: str
    metadata: dict[str, Any]
    consent: ConsentAnswer | None
    state: State
    """A suspended subject keeps its samples and is never found."""


class SubjectsAnswer(Answer):
    """One page of a list of subjects."""

    subjects: list[SubjectAnswer]
    total: int
    next: str | None
    """The cursor of the next page; null on the last one."""


class CreateSubjectRequest(RequestModel):
    """A new subject, without samples."""

    name: SubjectName
    metadata: dict[str, Any] = Field(default_factory=dict)
    """A JSON object of at most 4 KiB, nested at most 4 deep."""
    consent: ConsentBody | None = None
    state: State = "active"


class ChangeSubjectRequest(RequestModel):
    """What changes of a subject; what is not sent stays."""

    name: SubjectName | None = None
    metadata: dict[str, Any] | None = None
    consent: ConsentBody | None = None
    """Null takes the consent back."""
    state: State | None = None


@router.get("/subjects", operation_id="list_subjects")
async def list_subjects(
    request: Request,
    gallery_id: GalleryId,
    caller: Reader,
    search: Annotated[str | None, Query(max_length=500, description="Part of a name.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> SubjectsAnswer:
    """List subjects by name, a page at a time."""
    found, cursors = gallery_for(request, caller, gallery_id), request.app.state.cursors
    bound = {"caller": caller.id, "gallery": gallery_id, "search": search}
    after = None if cursor is None else tuple(cursors.read(cursor, **bound))

    def work() -> SubjectsAnswer:
        wanted = canonical_subject(search or "").casefold()
        rows = [row for row in found.gallery.subjects() if wanted in row.name.casefold()]
        rows.sort(key=_place)
        rest = [row for row in rows if after is None or _place(row) > after]
        page = rest[:limit]
        following = cursors.write(_place(page[-1]), **bound) if len(rest) > limit else None
        return SubjectsAnswer(subjects=[subject_answer(row) for row in page], total=len(rows), next=following)

    return await in_thread(work)


def _place(row: SubjectRow) -> tuple[str, str]:
    return row.name, row.id


@router.post("/subjects", operation_id="create_subject", status_code=201, openapi_extra=takes(CreateSubjectRequest))
async def create_subject(
    request: Request,
    gallery_id: GalleryId,
    caller: Enroller,
    asked: Annotated[CreateSubjectRequest, Depends(body(CreateSubjectRequest))],
) -> SubjectAnswer:
    """Make a subject. Two subjects may have the same name; their ids differ."""
    found = gallery_for(request, caller, gallery_id)
    consent = None if asked.consent is None else asked.consent.value()
    profile = profile_of(asked.name, asked.metadata, consent, asked.state)
    made = await in_thread(found.gallery.store.create_subject, profile)
    note(request.state, subject=made.id)
    return subject_answer(made)


@router.get("/subjects/{subject_id}", operation_id="get_subject")
async def get_subject(request: Request, gallery_id: GalleryId, subject_id: Id, caller: Reader) -> SubjectAnswer:
    """One subject."""
    found = gallery_for(request, caller, gallery_id)
    return subject_answer(await in_thread(found.gallery.store.subject, subject_id))


@router.patch("/subjects/{subject_id}", operation_id="change_subject", openapi_extra=takes(ChangeSubjectRequest))
async def change_subject(
    request: Request,
    gallery_id: GalleryId,
    subject_id: Id,
    caller: Enroller,
    asked: Annotated[ChangeSubjectRequest, Depends(body(ChangeSubjectRequest))],
) -> SubjectAnswer:
    """Change a subject's name, metadata, consent or state."""
    store = gallery_for(request, caller, gallery_id).gallery.store

    def change(former: Profile) -> Profile:
        consent = former.consent
        if "consent" in asked.model_fields_set:
            consent = None if asked.consent is None else asked.consent.value()
        return profile_of(
            former.name if asked.name is None else asked.name,
            dict(former.metadata) if asked.metadata is None else asked.metadata,
            consent,
            former.state if asked.state is None else asked.state,
        )

    changed = await in_thread(store.change_subject, subject_id, change)
    await in_thread(forget_names, request.app.state)
    return subject_answer(changed)


class ErasureAnswer(Answer):
    """What an erasure did."""

    samples: int
    keys: Literal["erased", "none"]
    """Erased where the subject's key was overwritten, so that no backup can be read any more; none where the gallery
    is not encrypted."""
    log: Literal["emptied", "pending"]
    """Pending while somebody reads the gallery's file; the service finishes that."""
    outside: Literal["none", "logical", "pending"]
    """Of vectors that are kept in a database: logical where it has removed them, and their bytes stay in its files
    until it is compacted; pending where it cannot be reached, which the service finishes; none else."""


@router.delete("/subjects/{subject_id}", operation_id="erase_subject")
async def erase_subject(request: Request, gallery_id: GalleryId, subject_id: Id, caller: Eraser) -> ErasureAnswer:
    """Erase a subject for good: profile, embeddings, portraits and their traces on disk and in memory."""
    found = gallery_for(request, caller, gallery_id)
    erasure = await in_thread(found.gallery.remove, subject_id)
    await in_thread(forget_names, request.app.state)
    return _erasure(erasure)


class MergeRequest(RequestModel):
    """Which subject gets the samples."""

    into: Id


class MergedAnswer(Answer):
    """What a merge did."""

    moved: int
    subject: SubjectAnswer


@router.post("/subjects/{subject_id}/merge", operation_id="merge_subjects", openapi_extra=takes(MergeRequest))
async def merge_subjects(
    request: Request,
    gallery_id: GalleryId,
    subject_id: Id,
    caller: Eraser,
    asked: Annotated[MergeRequest, Depends(body(MergeRequest))],
) -> MergedAnswer:
    """Make one subject of two: all samples move to the other one, and this one is erased."""
    store = gallery_for(request, caller, gallery_id).gallery.store
    if asked.into == subject_id:
        raise ServiceError(422, "invalid_request", "into: is the same subject: name another one")
    moved = await in_thread(store.merge, subject_id, asked.into)
    await in_thread(forget_names, request.app.state)
    return MergedAnswer(moved=moved, subject=subject_answer(await in_thread(store.subject, asked.into)))


class SampleAnswer(Answer):
    """An enrolled image of a subject."""

    id: str
    subject: str
    enrolled: str
    has_portrait: bool
    doubts: list[str]
    """In what it was doubtful when it was enrolled, by code."""


class SamplesAnswer(Answer):
    """The samples of a subject in the order of their enrolment."""

    samples: list[SampleAnswer]


@router.get("/subjects/{subject_id}/samples", operation_id="list_samples")
async def list_samples(request: Request, gallery_id: GalleryId, subject_id: Id, caller: Reader) -> SamplesAnswer:
    """List the samples of a subject."""
    found = gallery_for(request, caller, gallery_id)
    return SamplesAnswer(samples=[_sample(row) for row in await in_thread(found.gallery.store.samples, subject_id)])


class AddSamplesRequest(RequestModel):
    """Images of one subject."""

    images: Annotated[tuple[ImageBytes, ...], Field(min_length=1, max_length=32)]
    strict: bool = False
    """Whether images that look like another subject, or unlike this one, are left out."""
    language: Language = "en"


class ConflictAnswer(Answer):
    """A doubt about whom an image shows."""

    kind: Literal["same subject", "duplicate subject"]
    """It does not match this subject's other samples, or it matches another subject."""
    subject: str
    score: float


class AddedAnswer(Answer):
    """What became of one image."""

    image: str
    """Its field, such as images[0]."""
    enrolled: bool
    status: str
    detail: str
    sample: str | None
    """The id of the sample that was added."""
    conflicts: list[ConflictAnswer]
    reasons: list[ReasonAnswer]


class AddedSamplesAnswer(Answer):
    """What became of all images, in their order."""

    added: int
    images: list[AddedAnswer]


@router.post("/subjects/{subject_id}/samples", operation_id="add_samples", openapi_extra=takes(AddSamplesRequest))
async def add_samples(
    request: Request,
    gallery_id: GalleryId,
    subject_id: Id,
    caller: Enroller,
    asked: Annotated[AddSamplesRequest, Depends(body(AddSamplesRequest))],
) -> AddedSamplesAnswer:
    """Enrol images of a subject. Each one that is refused has its reason; the others are enrolled."""
    found, engines = gallery_for(request, caller, gallery_id), engines_of(request)
    found.require_fit()
    items = [_counted(request, f"images[{place}]", data) for place, data in enumerate(asked.images)]
    scope = config_of(request).scope

    def work(pipeline: SharedPipeline) -> AddedSamplesAnswer:
        results = enrol_items(
            found.gallery, subject_id, items, pipeline, engines.card, strict=asked.strict, scope=scope
        )
        answers = [_added(item.name, one, asked.language) for item, one in zip(items, results, strict=True)]
        return AddedSamplesAnswer(added=sum(one.sample is not None for one in answers), images=answers)

    return await engines.run(request, work)


def _counted(request: Request, name: str, data: bytes) -> SizedItem:
    """An image; one that cannot be read stays in the list, and gets its reason from the pipeline."""
    try:
        return size(request, name, data)
    except ImageError:
        item = bytes_item(name, data)
        return SizedItem(item.name, item.read)


def _added(image: str, one: Enrolment, language: str) -> AddedAnswer:
    return AddedAnswer(
        image=image,
        enrolled=bool(one),
        status=one.status,
        detail=one.detail,
        sample=one.sample_id,
        conflicts=[
            ConflictAnswer(kind=each.kind, subject=each.subject, score=score_answer(each.score))
            for each in one.conflicts
        ],
        reasons=reasons_answer(one.doubts, language),
    )


@router.get(
    "/samples/{sample_id}/portrait",
    operation_id="get_portrait",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "The portrait."}},
)
async def get_portrait(request: Request, gallery_id: GalleryId, sample_id: Id, caller: Reader) -> Response:
    """The portrait of a sample, where it is kept."""
    portrait = await in_thread(gallery_for(request, caller, gallery_id).gallery.store.portrait, sample_id)
    if portrait is None:
        raise not_found("portrait")
    return Response(portrait.jpeg, media_type="image/jpeg")


class MoveRequest(RequestModel):
    """Which subject gets the sample."""

    into: Id


class MovedAnswer(Answer):
    """What became of the sample."""

    moved: bool
    """False where the other subject had the same image already, so that this sample was erased."""


@router.post("/samples/{sample_id}/move", operation_id="move_sample", openapi_extra=takes(MoveRequest))
async def move_sample(
    request: Request,
    gallery_id: GalleryId,
    sample_id: Id,
    caller: Enroller,
    asked: Annotated[MoveRequest, Depends(body(MoveRequest))],
) -> MovedAnswer:
    """Give a sample to another subject."""
    store = gallery_for(request, caller, gallery_id).gallery.store
    return MovedAnswer(moved=await in_thread(store.move_sample, sample_id, asked.into))


@router.delete("/samples/{sample_id}", operation_id="erase_sample")
async def erase_sample(request: Request, gallery_id: GalleryId, sample_id: Id, caller: Eraser) -> ErasureAnswer:
    """Erase one sample for good; its subject stays."""
    found = gallery_for(request, caller, gallery_id)
    return _erasure(await in_thread(_erase_sample, found, sample_id))


def _erase_sample(found: OpenGallery, sample_id: str) -> Erasure:
    return found.gallery.store.remove_sample(sample_id)


def profile_of(name: str, metadata: dict[str, Any], consent: Consent | None, state: State) -> Profile:
    """A profile of a request, whose name can be read and not mistaken for another.

    Raises:
        ServiceError: it cannot.
    """
    canonical = canonical_subject(name)
    if not any(unicodedata.category(letter)[0] in "LN" for letter in canonical):
        raise ServiceError(422, "invalid_request", "name: has no letter or digit: give the subject a name")
    if any(unicodedata.category(letter) == "Cc" or letter in TURNING for letter in canonical):
        message = "name: has a control character, or one that turns the direction of writing: leave it out"
        raise ServiceError(422, "invalid_request", message)
    with refusing_values():
        return Profile(canonical, metadata, consent, state)


def subject_answer(row: SubjectRow) -> SubjectAnswer:
    """A subject as it is shown."""
    consent = row.consent
    return SubjectAnswer(
        id=row.id,
        name=row.name,
        samples=row.templates,
        enrolled=time_text(row.enrolled),
        metadata=dict(row.metadata),
        consent=None
        if consent is None
        else ConsentAnswer(
            purpose=consent.purpose,
            since=time_text(consent.since),
            until=None if consent.until is None else time_text(consent.until),
            guardian=consent.guardian,
            holds=consent.holds(),
        ),
        state=row.state,
    )


def _sample(row: SampleRow) -> SampleAnswer:
    return SampleAnswer(
        id=row.id,
        subject=row.subject,
        enrolled=time_text(row.enrolled),
        has_portrait=row.has_portrait,
        doubts=[one.code for one in row.doubts],
    )


def _erasure(erasure: Erasure) -> ErasureAnswer:
    return ErasureAnswer(samples=erasure.templates, keys=erasure.keys, log=erasure.log, outside=erasure.outside)
