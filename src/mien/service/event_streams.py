"""Answers that stay open and say what happens as it happens: server-sent events, and how many of them there may be.

Each stream asks again and again for what came after the last event that it sent, so it needs nothing in memory and
sees what another worker wrote. It ends when its client hangs up, when the caller may not read any more, and when the
service stops. Knows no camera.

The format is that of the HTML standard, section 9.2, "Server-sent events".
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from mien.errors import MienError
from mien.service.capacity import Seat
from mien.service.errors import ServiceError
from mien.service.state import in_thread

PER_CALLER, TOTAL = 4, 32
"""Maximum number of open streams of one key or account, and of all of them, in one worker."""
POLL = 0.5
"""Seconds between two looks for events."""
KEEP_ALIVE = 15.0
"""Seconds without an event after which a comment is sent, so that proxies and clients know that it is still open."""
RETRY = 2000
"""Milliseconds after which a browser opens a stream again that ended."""
HEADER = "last-event-id"
LAST = 2**63 - 1
"""The greatest number of an event."""
HEADERS = {"x-accel-buffering": "no"}


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its number, which only grows, and its content as one line of JSON."""

    number: int
    data: str

    def text(self) -> str:
        """The event as it is sent."""
        return f"id: {self.number}\ndata: {self.data}\n\n"


Ask = Callable[[int], Sequence[ServerEvent]]
"""The events after a number, in order; raises MienError where there is nothing to follow any more."""


class Streams:
    """The open streams of one worker."""

    def __init__(self) -> None:
        self._callers = Counter[str]()
        self.is_ended = False

    def take(self, caller: str) -> "Place":
        """Take a place for a stream.

        Raises:
            ServiceError: this caller, or all together, have as many as there may be.
        """
        if self._callers[caller] >= PER_CALLER or self._callers.total() >= TOTAL:
            message = (
                f"too many streams are open ({PER_CALLER} per key or account, {TOTAL} in all): close one, or ask for "
                "the events again and again"
            )
            raise ServiceError(429, "too_many_streams", message, headers={"Retry-After": "60"})
        self._callers[caller] += 1
        return Place(self, caller)

    def leave(self, caller: str) -> None:
        """Give a place back."""
        self._callers[caller] -= 1
        if not self._callers[caller]:
            del self._callers[caller]

    def end(self) -> None:
        """End all streams, since the service stops."""
        self.is_ended = True


class Place:
    """One open stream."""

    def __init__(self, streams: Streams, caller: str) -> None:
        self._streams, self._caller = streams, caller

    def leave(self) -> None:
        """Give it back."""
        self._streams.leave(self._caller)


class EventStream(StreamingResponse):
    """An answer that stays open.

    Args:
        content: its parts; see follow.
        place: given back at the end, however it ends.
        seat: of the request; given back at the beginning, since a stream is not work.
    """

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[str], place: Place, seat: Seat) -> None:
        super().__init__(content, headers=HEADERS)
        self._place, self._seat = place, seat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it until somebody ends it."""
        self._seat.leave()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._place.leave()


async def follow(
    first: Sequence[ServerEvent], after: int, ask: Ask, may_read: Callable[[], None], streams: Streams
) -> AsyncIterator[str]:
    """The parts of a stream.

    Args:
        first: the events that were found when it was opened.
        after: the number of the event that the client has seen last.
        ask: gives the next ones.
        may_read: asked before events are sent, and now and then; raises MienError where the caller lost the right.
        streams: that may be ended.
    """
    yield f"retry: {RETRY}\n\n"
    found, spoken = first, time.monotonic()
    while not streams.is_ended:
        try:
            if found or time.monotonic() - spoken >= KEEP_ALIVE:
                await in_thread(may_read)
                yield "".join(one.text() for one in found) or ": nothing new\n\n"
                after, spoken = found[-1].number if found else after, time.monotonic()
            else:
                await asyncio.sleep(POLL)
            found = await in_thread(ask, after)
        except MienError:
            # Whoever opens it again gets the reason.
            return


def last_seen(request: Request, after: int) -> int:
    """After which event a stream goes on: the one that the client names as its last, else the parameter's.

    Raises:
        ServiceError: the header has something else than a number.
    """
    text = request.headers.get(HEADER, "")
    if not text:
        return after
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(LAST)) or int(text) > LAST:
        problem = [{"field": HEADER, "problem": "is not the number of an event"}]
        raise ServiceError(422, "invalid_request", "Last-Event-ID is the number of an event", problem)
    return int(text)
