"""One caller cannot take the service from the others."""

import pytest

from mien.service.auth import rates
from mien.service.auth.rates import Rates
from mien.service.errors import ServiceError


def test_a_caller_who_sends_too_much_has_to_wait_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, now = Rates(3), 1000.0
    monkeypatch.setattr(rates.time, "monotonic", lambda: now)
    for _ in range(3):
        counts.count("key 1")
    now += 20
    with pytest.raises(ServiceError, match="3 requests per minute: go on after 40 s") as caught:
        counts.count("key 1")
    assert caught.value.status == 429 and caught.value.headers["Retry-After"] == "40"
    counts.count("key 2")
    now += 41
    counts.count("key 1")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "REMEMBERED", 10)
    counts = Rates(1)
    for number in range(100):
        counts.count(str(number))
    assert len(counts._counts._counts) == 10
