"""Guessing is slowed down without locking anybody else out."""

import pytest

from mien.service.auth import lockout
from mien.service.auth.lockout import Lockout
from mien.service.errors import ServiceError


def test_an_attacker_locks_out_neither_the_person_nor_others() -> None:
    counts = Lockout()
    for _ in range(lockout.PER_PAIR):
        counts.require("An", "10.0.0.1")
        counts.failed("An", "10.0.0.1")
    with pytest.raises(ServiceError, match="try again after") as caught:
        counts.require("An", "10.0.0.1")
    assert caught.value.status == 429 and int(caught.value.headers["Retry-After"]) > 800
    counts.require("An", "10.0.0.2")
    counts.require("Bình", "10.0.0.1")


def test_trying_many_accounts_from_one_address_is_noticed() -> None:
    counts = Lockout()
    for number in range(lockout.PER_ADDRESS):
        counts.failed(f"account {number}", "10.0.0.1")
    with pytest.raises(ServiceError):
        counts.require("An", "10.0.0.1")


def test_a_success_forgets_the_failures_and_time_does(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = Lockout()
    for _ in range(lockout.PER_PAIR):
        counts.failed("An", "a")
    counts.succeeded("An", "a")
    counts.require("An", "a")
    for _ in range(lockout.PER_PAIR):
        counts.failed("An", "a")
    later = lockout.time.monotonic() + lockout.WINDOW + 1
    monkeypatch.setattr(lockout.time, "monotonic", lambda: later)
    counts.require("An", "a")
