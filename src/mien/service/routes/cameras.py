"""Operations on cameras: add, list and delete them, and read their events. Only an administrator adds one."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from mien.errors import SubjectNotFoundError
from mien.gallery.threshold_policies import parse_policy
from mien.messages import Message
from mien.service.answers import Answer
from mien.service.auditing import note
from mien.service.auth.callers import Caller, needs
from mien.service.bodies import RequestModel, body
from mien.service.camera_networks import require_allowed
from mien.service.camera_store import Camera, CameraEvent, State
from mien.service.cameras import Cameras
from mien.service.event_streams import LAST
from mien.service.galleries import OpenGallery
from mien.service.idempotency import WriteRoute
from mien.service.operations import takes
from mien.service.routes.galleries import gallery_for
from mien.service.state import in_thread
from mien.service.times import time_text
from mien.settings import load_settings
from mien.watch.events import DECIDED, NOT_ASSESSED

router = APIRouter(prefix="/v1/cameras", tags=["cameras"], route_class=WriteRoute)

CameraId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$", description="Opaque id of a camera.")]
Administrator = Annotated[Caller, Depends(needs("access"))]
Reader = Annotated[Caller, Depends(needs("read"))]
After = Annotated[int, Query(ge=0, le=LAST)]
Language = Annotated[str, Query(pattern=r"^[a-z]{2}$")]
PAGE, MAX_PAGE = 100, 1000
MAX_HOURS = 720
"""Hours for which faces may be kept, at most."""
Hours = Annotated[float, Field(ge=0, le=MAX_HOURS)]


class CameraAnswer(Answer):
    """A camera. Its address is never shown."""

    id: str
    name: str
    gallery: str
    policy: str
    """The error rate of a track."""
    state: State
    message: str
    """Why it is not watched."""
    rate: float
    """Frames per second that are watched."""
    delay: float
    """Seconds from when a frame was read to when its event was made, of the latest event."""
    created: str
    seen: str | None
    """When its process spoke last."""
    keep_unknown: float
    """Hours for which samples of people are kept who were not recognized; 0 keeps none."""
    keep_thumbnails: float
    """Hours for which a thumbnail of each track is kept with its events; 0 keeps none."""
    preview: bool
    """Whether get_camera_preview shows what the camera sees."""


class CamerasAnswer(Answer):
    """All cameras of galleries that the caller may see, by name."""

    cameras: list[CameraAnswer]


class AddCameraRequest(RequestModel):
    """A new camera."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    gallery: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    """The id of the gallery in which faces are looked for."""
    address: Annotated[str, Field(min_length=8, max_length=2000, pattern=r"^[^\x00-\x20\x7f]+$")]
    """Of its stream, with credentials where it needs some; it is encrypted, and never shown again."""
    threshold: Annotated[str | None, Field(max_length=40)] = None
    """The error rate of a track, such as fmr:1e-4 or fpir:1e-2."""
    keep_unknown: Hours = 0.0
    """Hours for which samples of people are kept who were not recognized; 0 keeps none."""
    keep_thumbnails: Hours = 0.0
    """Hours for which a thumbnail of each track is kept with its events; 0 keeps none."""
    preview: bool = False
    """Whether get_camera_preview shows what the camera sees."""


class CameraEventAnswer(Answer):
    """Something that happened before a camera."""

    number: int
    """Grows with every event; ask for those after it."""
    at: str
    event: str
    """appeared, identified, changed, left, camera-lost or camera-back."""
    track: int | None
    outcome: str
    """match, unknown or uncertain."""
    subject: str | None
    """The id of the subject of a match."""
    name: str | None
    """Their name now; null where they were erased since."""
    score: float | None
    unit: str | None
    threshold: float | None
    samples: int | None
    presentation_attacks: str | None
    """Whether the face is a living one: not assessed. Null in events without a decision."""
    reasons: list[str]
    thumbnail: str | None
    """The id of the track's thumbnail; null where none is kept, or not any more."""


class CameraEventsAnswer(Answer):
    """Events in their order."""

    events: list[CameraEventAnswer]
    after: int
    """The number to ask after next."""


class CameraDeletedAnswer(Answer):
    """The camera and its events are gone."""

    id: str


@router.get("", operation_id="list_cameras")
async def list_cameras(request: Request, caller: Reader) -> CamerasAnswer:
    """List cameras with their state."""
    found = await in_thread(_cameras(request).store.all)
    return CamerasAnswer(cameras=[_camera(one) for one in found if _may_see(caller, one)])


@router.post("", operation_id="add_camera", openapi_extra=takes(AddCameraRequest))
async def add_camera(
    request: Request, caller: Administrator, asked: Annotated[AddCameraRequest, Depends(body(AddCameraRequest))]
) -> CameraAnswer:
    """Add a camera in a network that the operator allowed; it is watched from now on, also after a restart."""
    cameras, gallery = _cameras(request), gallery_for(request, caller, asked.gallery)
    gallery.require_fit()
    note(request.state, gallery=gallery.id)
    policy = parse_policy(asked.threshold or f"fmr:{load_settings().identification_fmr:g}")

    def work() -> CameraAnswer:
        require_allowed(asked.address, cameras.networks)
        gallery.threshold(policy)
        added = cameras.store.add(
            asked.name,
            gallery.id,
            asked.address,
            str(policy),
            keep_unknown=asked.keep_unknown,
            keep_thumbnails=asked.keep_thumbnails,
            preview=asked.preview,
        )
        return _camera(added)

    return await in_thread(work)


@router.delete("/{camera_id}", operation_id="delete_camera")
async def delete_camera(request: Request, camera_id: CameraId, caller: Administrator) -> CameraDeletedAnswer:
    """Stop a camera, and delete it with its events, their thumbnails, and whom it did not recognize."""
    camera, cameras = await in_thread(find_camera, request, caller, camera_id), _cameras(request)
    note(request.state, gallery=camera.gallery)
    await in_thread(cameras.stores.delete_camera, camera.id)
    return CameraDeletedAnswer(id=camera.id)


@router.get("/{camera_id}/events", operation_id="list_camera_events")
async def list_camera_events(
    request: Request,
    camera_id: CameraId,
    caller: Reader,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = PAGE,
    language: Language = "en",
) -> CameraEventsAnswer:
    """Events of a camera after a number, in order. Ask again with `after` to follow it."""
    events = await in_thread(events_after, request, caller, camera_id, after, limit, language)
    return CameraEventsAnswer(events=events, after=events[-1].number if events else after)


def events_after(
    request: Request, caller: Caller, camera_id: str, after: int, limit: int, language: str
) -> list[CameraEventAnswer]:
    """The events of a camera after a number, with the names that subjects have now.

    Raises:
        ServiceError: there is no such camera or gallery, or the caller may not see it.
    """
    camera = find_camera(request, caller, camera_id)
    gallery = gallery_for(request, caller, camera.gallery)
    stores = _cameras(request).stores
    found = stores.cameras.events(camera.id, after, limit)
    kept = stores.thumbnails.there(camera.id) if camera.keep_thumbnails and found else set[str]()
    names = _names(gallery, {one.body.get("subject_id") for one in found} - {None})
    return [_event(one, names, kept, language) for one in found]


def _cameras(request: Request) -> Cameras:
    cameras: Cameras = request.app.state.cameras
    return cameras


def _may_see(caller: Caller, camera: Camera) -> bool:
    return caller.galleries is None or camera.gallery in caller.galleries


def find_camera(request: Request, caller: Caller, camera_id: str) -> Camera:
    """A camera of a gallery that the caller may see."""
    camera = _cameras(request).store.find(camera_id)
    caller.require_gallery(camera.gallery)
    return camera


def _names(gallery: OpenGallery, ids: set[Any]) -> dict[str, str]:
    """The names of subjects that there are now."""
    names = dict[str, str]()
    for one in ids:
        with suppress(SubjectNotFoundError):
            names[one] = gallery.gallery.store.subject(one).name
    return names


def _camera(one: Camera) -> CameraAnswer:
    return CameraAnswer(
        id=one.id,
        name=one.name,
        gallery=one.gallery,
        policy=one.policy,
        state=one.state,
        message=one.message,
        rate=one.rate,
        delay=one.delay,
        created=time_text(one.created),
        seen=None if one.seen is None else time_text(one.seen),
        keep_unknown=one.keep_unknown,
        keep_thumbnails=one.keep_thumbnails,
        preview=one.preview,
    )


def _event(one: CameraEvent, names: dict[str, str], kept: set[str], language: str) -> CameraEventAnswer:
    body = one.body
    thumbnail = body.get("thumbnail")
    subject = body.get("subject_id")
    name = None if subject is None else names.get(subject)
    return CameraEventAnswer(
        number=one.number,
        at=time_text(one.at),
        event=body["event"],
        track=body.get("track"),
        outcome=body["outcome"],
        subject=subject if name is not None else None,
        name=name,
        score=None if body.get("score") is None else round(body["score"], 3),
        unit=body.get("unit"),
        threshold=body.get("threshold"),
        samples=body.get("samples"),
        presentation_attacks=NOT_ASSESSED if body["event"] in DECIDED else None,
        reasons=[Message.from_json(reason).text(language) for reason in body["reasons"]],
        thumbnail=thumbnail if thumbnail in kept else None,
    )
