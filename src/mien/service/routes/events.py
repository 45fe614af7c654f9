"""The operation that follows a camera's events in one answer that stays open. See mien.service.event_streams."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from mien.service.auth.callers import Caller, needs, require_still
from mien.service.event_streams import EventStream, ServerEvent, Streams, follow, last_seen
from mien.service.routes.cameras import After, CameraId, Language, events_after, find_camera
from mien.service.state import in_thread

router = APIRouter(prefix="/v1/cameras", tags=["cameras"])

BATCH = 200
"""Events that are sent at once."""
DESCRIPTION = (
    "Server-sent events: `id` is the number of an event, `data` is the event as list_camera_events gives it."
)


@router.get(
    "/{camera_id}/events/stream",
    operation_id="stream_camera_events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": DESCRIPTION}},
)
async def stream_camera_events(
    request: Request,
    camera_id: CameraId,
    caller: Annotated[Caller, Depends(needs("read"))],
    after: After = 0,
    language: Language = "en",
) -> EventStream:
    """Follow a camera: events after a number, and each further one as it happens.

    The header Last-Event-ID, which browsers send when they open a stream again, has the number of the last event that
    was seen; it counts more than `after`. A comment is sent after 15 seconds without an event.
    """

    def ask(number: int) -> list[ServerEvent]:
        found = events_after(request, caller, camera_id, number, BATCH, language)
        return [ServerEvent(one.number, one.model_dump_json()) for one in found]

    seen = last_seen(request, after)
    camera = await in_thread(find_camera, request, caller, camera_id)
    first = await in_thread(ask, seen)
    streams: Streams = request.app.state.streams
    place = streams.take(caller.id)
    parts = follow(first, seen, ask, lambda: require_still(request, "read", camera.gallery), streams)
    return EventStream(parts, place, request.state.seat)
