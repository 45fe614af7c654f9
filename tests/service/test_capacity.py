"""What is in work is counted, refused with the time to wait, and given back."""

import pytest

from mien.service.capacity import Capacity
from mien.service.config import Limits
from mien.service.errors import ServiceError

LIMITS = Limits(requests=2, waiting_bytes=100, waiting_pixels=1000)


def test_a_request_too_many_is_refused_with_the_seconds_to_wait() -> None:
    capacity = Capacity(LIMITS)
    with capacity.seat(), capacity.seat():
        with pytest.raises(ServiceError, match="send the request again after") as caught, capacity.seat():
            pass
        assert caught.value.status == 429 and int(caught.value.headers["Retry-After"]) >= 1
        assert capacity.requests == 2
    assert capacity.requests == 0


@pytest.mark.parametrize("what", [{"size": 60}, {"pixels": 600}])
def test_bytes_and_pixels_are_counted_over_all_requests_and_given_back(what: dict[str, int]) -> None:
    capacity = Capacity(LIMITS)
    with capacity.seat() as first:
        with capacity.seat() as second:
            first.add(**what)
            with pytest.raises(ServiceError) as caught:
                second.add(**what)
            assert caught.value.code == "busy"
        assert (capacity.bytes, capacity.pixels) == (what.get("size", 0), what.get("pixels", 0))
    assert (capacity.bytes, capacity.pixels) == (0, 0)


def test_a_request_that_is_alone_gets_more_than_all_may_hold_together() -> None:
    capacity = Capacity(LIMITS)
    with capacity.seat() as seat:
        seat.add(pixels=5000)
        assert capacity.pixels == 5000


def test_a_request_that_fails_gives_everything_back() -> None:
    capacity = Capacity(LIMITS)
    with pytest.raises(RuntimeError), capacity.seat() as seat:
        seat.add(size=50, pixels=50)
        raise RuntimeError
    assert (capacity.requests, capacity.bytes, capacity.pixels) == (0, 0, 0)


def test_a_seat_is_left_once_however_often_it_is_given_back() -> None:
    capacity = Capacity(LIMITS)
    with capacity.seat() as seat:
        seat.add(size=10)
        seat.leave()
        assert (capacity.requests, capacity.bytes) == (0, 0)
        seat.leave()
    assert (capacity.requests, capacity.bytes) == (0, 0)
