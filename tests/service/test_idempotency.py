"""The same key gets the first answer; another body, another caller and a failure do not."""

import pytest

from mien.service import idempotency
from mien.service.errors import ServiceError
from mien.service.idempotency import Replays

ANSWER = (201, b"{}", "application/json")


def test_a_repeated_request_gets_the_first_answer() -> None:
    replays = Replays()
    assert replays.begin("a", "key", "print") is None
    with pytest.raises(ServiceError, match="in work") as caught:
        replays.begin("a", "key", "print")
    assert caught.value.status == 409
    replays.finish("a", "key", ANSWER)
    assert replays.begin("a", "key", "print") == ANSWER


def test_a_key_of_another_request_is_refused_and_one_of_another_caller_is_new() -> None:
    replays = Replays()
    replays.begin("a", "key", "print")
    replays.finish("a", "key", ANSWER)
    with pytest.raises(ServiceError, match="used for another request"):
        replays.begin("a", "key", "other")
    assert replays.begin("b", "key", "other") is None


def test_a_failed_request_may_be_tried_again() -> None:
    replays = Replays()
    replays.begin("a", "key", "print")
    replays.finish("a", "key", None)
    assert replays.begin("a", "key", "print") is None


def test_answers_are_forgotten_when_somebody_is_erased_and_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    replays = Replays()
    for forget in (replays.forget, lambda: monkeypatch.setattr(idempotency, "SECONDS", -1.0)):
        replays.begin("a", "key", "print")
        replays.finish("a", "key", ANSWER)
        forget()
        assert replays.begin("a", "key", "print") is None
        replays.finish("a", "key", None)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_BYTES", 1000)
    replays = Replays()
    for number in range(20):
        replays.begin("a", str(number), "print")
        replays.finish("a", str(number), (200, b"x" * 300, ""))
    assert replays.begin("a", "0", "print") is None and replays.begin("a", "19", "print") is not None
