"""Operations on galleries as a whole: list, create, get, change, delete, and what their thresholds are."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from mien.gallery.records import GallerySettings
from mien.gallery.threshold_policies import parse_policy
from mien.service.answers import Answer, ThresholdAnswer, notes_answer, threshold_answer
from mien.service.auditing import note
from mien.service.auth.callers import Caller, needs
from mien.service.bodies import RequestModel, body
from mien.service.cameras import Cameras
from mien.service.galleries import Galleries, OpenGallery
from mien.service.idempotency import WriteRoute
from mien.service.operations import takes
from mien.service.routes.access import Name
from mien.service.state import engines_of, forget_names, in_thread
from mien.service.webhooks import Webhooks

router = APIRouter(prefix="/v1/galleries", tags=["galleries"], route_class=WriteRoute)

GalleryId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="Opaque id of a gallery.")]
Reader = Annotated[Caller, Depends(needs("read"))]
Keeper = Annotated[Caller, Depends(needs("galleries"))]
Days = Annotated[float, Field(ge=0, le=36500)]


def galleries_of(request: Request) -> Galleries:
    """The service's galleries."""
    galleries: Galleries = request.app.state.galleries
    return galleries


def gallery_for(request: Request, caller: Caller, gallery_id: str) -> OpenGallery:
    """A gallery that the caller may see; another one answers as one that does not exist."""
    caller.require_gallery(gallery_id)
    return galleries_of(request).find(gallery_id)


class GalleryAnswer(Answer):
    """A gallery."""

    id: str
    name: str
    subjects: int
    samples: int
    model: str
    contract: str
    fits: bool
    """Whether its embeddings are those of this service's recognizer; if not, nothing is enrolled or identified."""
    keep: Literal["none", "portrait"]
    """What is kept of an image besides its embedding."""
    requires_consent: bool
    grace_days: float | None
    """Days after the end of a consent until the subject is erased."""
    encrypted: bool
    """Whether personal fields are encrypted with a key of each subject, so that an erasure reaches every backup."""
    erasure: Literal["done", "pending"]
    """Pending while traces of somebody who was erased are in the log of the file; the service finishes that."""


class GalleriesAnswer(Answer):
    """The galleries that the caller may see, by name."""

    galleries: list[GalleryAnswer]


class CreateGalleryRequest(RequestModel):
    """A new gallery."""

    name: Name
    keep: Literal["none", "portrait"] = "portrait"
    requires_consent: bool = False
    grace_days: Days | None = None


class ChangeGalleryRequest(RequestModel):
    """What changes of a gallery."""

    name: Name | None = None
    keep: Literal["none", "portrait"] | None = None
    requires_consent: bool | None = None
    grace_days: Days | None = None


@router.get("", operation_id="list_galleries")
async def list_galleries(request: Request, caller: Reader) -> GalleriesAnswer:
    """List the galleries that the caller may see."""

    def work() -> GalleriesAnswer:
        seen = [one for one in galleries_of(request) if caller.galleries is None or one.id in caller.galleries]
        return GalleriesAnswer(galleries=[describe(one) for one in seen])

    return await in_thread(work)


@router.post("", operation_id="create_gallery", status_code=201, openapi_extra=takes(CreateGalleryRequest))
async def create_gallery(
    request: Request, caller: Keeper, asked: Annotated[CreateGalleryRequest, Depends(body(CreateGalleryRequest))]
) -> GalleryAnswer:
    """Make a gallery of this service's recognizer."""
    settings = GallerySettings(asked.keep, asked.requires_consent, asked.grace_days)
    galleries = galleries_of(request)
    made = await in_thread(galleries.create, asked.name, settings)
    note(request.state, gallery=made.id)
    return await in_thread(describe, made)


@router.get("/{gallery_id}", operation_id="get_gallery")
async def get_gallery(request: Request, gallery_id: GalleryId, caller: Reader) -> GalleryAnswer:
    """One gallery."""
    return await in_thread(describe, gallery_for(request, caller, gallery_id))


@router.patch("/{gallery_id}", operation_id="change_gallery", openapi_extra=takes(ChangeGalleryRequest))
async def change_gallery(
    request: Request,
    gallery_id: GalleryId,
    caller: Keeper,
    asked: Annotated[ChangeGalleryRequest, Depends(body(ChangeGalleryRequest))],
) -> GalleryAnswer:
    """Change a gallery's name and settings; what is not sent stays."""
    found = gallery_for(request, caller, gallery_id)

    def work() -> GalleryAnswer:
        former = found.gallery.store.settings()
        sent = {name: getattr(asked, name) for name in asked.model_fields_set - {"name"}}
        values = {name: getattr(former, name) for name in ("keep", "requires_consent", "grace_days")}
        merged = {
            **values,
            **{name: value for name, value in sent.items() if value is not None or name == "grace_days"},
        }
        found.gallery.store.change_settings(GallerySettings(**merged))
        if asked.name is not None:
            found.rename(asked.name)
        return describe(found)

    return await in_thread(work)


class DeletedAnswer(Answer):
    """What was erased with a gallery."""

    subjects: int


@router.delete("/{gallery_id}", operation_id="delete_gallery")
async def delete_gallery(
    request: Request,
    gallery_id: GalleryId,
    caller: Keeper,
    name: Annotated[str | None, Query(description="The gallery's name, where it is not empty.")] = None,
) -> DeletedAnswer:
    """Delete a gallery: an empty one, or one whose name is repeated, with everybody in it.

    Its cameras, their events, whom they did not recognize, and its webhooks are deleted too.
    """
    caller.require("erase")
    gallery_for(request, caller, gallery_id)
    cameras: Cameras = request.app.state.cameras
    webhooks: Webhooks = request.app.state.webhooks

    def delete_what_depends() -> None:
        cameras.stores.delete_gallery(gallery_id)
        webhooks.store.delete_of_gallery(gallery_id)

    subjects = await in_thread(galleries_of(request).delete, gallery_id, name, delete_what_depends)
    await in_thread(forget_names, request.app.state)
    return DeletedAnswer(subjects=subjects)


class ThresholdsAnswer(Answer):
    """Thresholds for policies, with the people who are enrolled now."""

    subjects: int
    thresholds: list[ThresholdAnswer]
    notes: list[str]
    """For whom they hold, where that has to be said."""


@router.get("/{gallery_id}/thresholds", operation_id="resolve_thresholds")
async def resolve_thresholds(
    request: Request,
    gallery_id: GalleryId,
    caller: Reader,
    policy: Annotated[list[str], Query(description="fmr:1e-4, fpir:1e-2; several times for several.")] = ["fmr:1e-4"],  # noqa: B006 - FastAPI copies it
    language: Annotated[str, Query(pattern="^(en|vi)$")] = "en",
) -> ThresholdsAnswer:
    """The thresholds that decide at given rates, and whose they are."""
    found = gallery_for(request, caller, gallery_id)
    found.require_fit()
    card, policies = engines_of(request).card, [parse_policy(one) for one in policy]

    def work() -> ThresholdsAnswer:
        chosen = [found.threshold(one, measure=True) for one in policies]
        notes = dict.fromkeys(note for one in chosen for note in notes_answer(one.notes, language))
        return ThresholdsAnswer(
            subjects=len(found.gallery.subjects()),
            thresholds=[threshold_answer(str(one), two, card) for one, two in zip(policies, chosen, strict=True)],
            notes=list(notes),
        )

    return await in_thread(work)


def describe(found: OpenGallery) -> GalleryAnswer:
    """A gallery as it is now."""
    store = found.gallery.store
    settings = store.settings()
    return GalleryAnswer(
        id=found.id,
        name=found.name,
        subjects=len(store.subjects()),
        samples=store.count(),
        model=store.identity.model,
        contract=store.identity.contract,
        fits=found.fits,
        keep=settings.keep,
        requires_consent=settings.requires_consent,
        grace_days=settings.grace_days,
        encrypted=store.is_encrypted,
        erasure="pending" if store.traces_remain() else "done",
    )
