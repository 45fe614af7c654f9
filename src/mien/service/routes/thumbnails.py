"""Operations that show images of cameras: the thumbnail of an event's track, and a camera's image of this moment.

Both are given only where an administrator chose so for the camera, to those who may see portraits of its gallery.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from mien.errors import SubjectNotFoundError
from mien.service.auditing import note
from mien.service.auth.callers import Caller, needs
from mien.service.camera_stores import CameraStores
from mien.service.cameras import Cameras
from mien.service.errors import ServiceError, not_found
from mien.service.idempotency import WriteRoute
from mien.service.routes.cameras import CameraId, find_camera
from mien.service.routes.galleries import gallery_for
from mien.service.state import in_thread

router = APIRouter(prefix="/v1/cameras", tags=["cameras"], route_class=WriteRoute)

ThumbnailId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$", description="Opaque id of a thumbnail.")]
Reader = Annotated[Caller, Depends(needs("read"))]
JPEG = "image/jpeg"
PATIENCE, STEP = 8.0, 0.1
"""Seconds for which an image of a camera is waited for, and between two looks for it."""


@router.get(
    "/{camera_id}/thumbnails/{thumbnail_id}",
    operation_id="get_camera_thumbnail",
    response_class=Response,
    responses={200: {"content": {JPEG: {}}, "description": "The best view of the track."}},
)
async def get_camera_thumbnail(
    request: Request, camera_id: CameraId, thumbnail_id: ThumbnailId, caller: Reader
) -> Response:
    """The best view of a track, until its hours are over or the subject whom it shows is erased."""

    def work() -> bytes:
        camera, store = find_camera(request, caller, camera_id), _stores(request).thumbnails
        found = store.find(camera.id, thumbnail_id)
        note(request.state, gallery=camera.gallery, subject=found.subject or found.id)
        if found.subject is not None:
            try:
                gallery_for(request, caller, camera.gallery).gallery.store.subject(found.subject)
            except SubjectNotFoundError:
                raise not_found("thumbnail") from None
        return store.image(found)

    return Response(await in_thread(work), media_type=JPEG)


@router.get(
    "/{camera_id}/preview",
    operation_id="get_camera_preview",
    response_class=Response,
    responses={200: {"content": {JPEG: {}}, "description": "What the camera sees."}},
)
async def get_camera_preview(request: Request, camera_id: CameraId, caller: Reader) -> Response:
    """What a camera sees at this moment, where that was allowed for it. The image is taken for this request alone."""
    camera, previews = await in_thread(find_camera, request, caller, camera_id), _stores(request).previews
    note(request.state, gallery=camera.gallery, subject=camera.id)
    if not camera.preview:
        message = "this camera shows no image: an administrator allows that when the camera is added"
        raise ServiceError(403, "preview_not_allowed", message)
    await in_thread(previews.ask, camera.id)
    for _ in range(round(PATIENCE / STEP)):
        found = await in_thread(previews.find, camera.id)
        if found is not None:
            return Response(found, media_type=JPEG)
        await asyncio.sleep(STEP)
    message = f"the camera gave no image within {PATIENCE:g} s: see its state, and try again"
    raise ServiceError(409, "no_image", message)


def _stores(request: Request) -> CameraStores:
    cameras: Cameras = request.app.state.cameras
    return cameras.stores
