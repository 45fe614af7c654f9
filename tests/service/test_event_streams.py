"""Streams of events: what is sent, who may open how many, and when they end."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request

from mien.service import event_streams
from mien.service.errors import ServiceError, not_found
from mien.service.event_streams import LAST, PER_CALLER, TOTAL, ServerEvent, Streams, follow, last_seen


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "POLL", 0.0)


class Events:
    """Happens step by step; an exception ends it."""

    def __init__(self, *steps: Sequence[int]) -> None:
        self.steps, self.asked = list(steps), list[int]()

    def __call__(self, after: int) -> list[ServerEvent]:
        self.asked.append(after)
        if not self.steps:
            raise not_found("camera")
        return [ServerEvent(one, "{}") for one in self.steps.pop(0)]


def parts(events: Events, *, after: int = 0, streams: Streams | None = None, refused_at: int = 99) -> list[str]:
    seen, asked = list[str](), 0

    def may_read() -> None:
        nonlocal asked
        asked += 1
        if asked >= refused_at:
            raise ServiceError(401, "key_refused", "revoked")

    async def collect() -> None:
        async for one in follow([], after, events, may_read, streams or Streams()):
            seen.append(one)

    asyncio.run(collect())
    return seen


def test_each_event_is_sent_once_and_the_next_question_goes_on_after_it() -> None:
    events = Events([], [4, 7], [], [9])
    assert parts(events, after=3) == [
        "retry: 2000\n\n",
        "id: 4\ndata: {}\n\nid: 7\ndata: {}\n\n",
        "id: 9\ndata: {}\n\n",
    ]
    assert events.asked == [3, 3, 7, 7, 9]


def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "KEEP_ALIVE", 0.0)
    assert parts(Events([], [])) == ["retry: 2000\n\n", *[": nothing new\n\n"] * 3]


def test_nothing_is_sent_to_somebody_who_lost_the_right() -> None:
    assert parts(Events([1], [2], [3]), refused_at=2) == ["retry: 2000\n\n", "id: 1\ndata: {}\n\n"]


def test_a_service_that_stops_ends_its_streams() -> None:
    streams = Streams()
    streams.end()
    assert parts(Events([1]), streams=streams) == ["retry: 2000\n\n"]


def test_a_caller_and_all_together_have_so_many_streams_and_places_come_back() -> None:
    streams = Streams()
    places = [streams.take("key 1") for _ in range(PER_CALLER)]
    with pytest.raises(ServiceError, match=f"{PER_CALLER} per key or account") as caught:
        streams.take("key 1")
    assert caught.value.status == 429 and caught.value.headers["Retry-After"]
    others = [streams.take(f"key {2 + place // PER_CALLER}") for place in range(TOTAL - PER_CALLER)]
    with pytest.raises(ServiceError):
        streams.take("key 99")
    for place in places:
        place.leave()
    assert len(others) == TOTAL - PER_CALLER and [streams.take("key 1") for _ in range(PER_CALLER)]


@pytest.mark.parametrize(("text", "number"), [("", 5), ("0", 0), ("17", 17), (str(LAST), LAST)])
def test_the_last_event_of_the_client_counts_more_than_the_parameter(text: str, number: int) -> None:
    assert last_seen(_request(text), 5) == number


@pytest.mark.parametrize("text", ["-1", "x", "1.5", str(LAST + 1), "9" * 5000, "²"])
def test_a_last_event_that_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(ServiceError, match="number of an event") as caught:
        last_seen(_request(text), 0)
    assert caught.value.status == 422


def _request(last: str) -> Request:
    headers = [(b"last-event-id", last.encode("latin-1"))]
    return Request({"type": "http", "headers": headers})
