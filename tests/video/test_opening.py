"""Openings: those with the same options side by side, others after them, and the environment as it was afterwards."""

import os
import threading

import pytest

from mien.video.opening import VARIABLE, Openings


def begin(openings: Openings, options: str, done: list[str]) -> tuple[threading.Thread, threading.Event]:
    """Open in a thread that goes on until its event is set."""
    leave = threading.Event()

    def work() -> None:
        with openings.with_options(options):
            done.append(f"{options}:{os.environ.get(VARIABLE)}")
            leave.wait(10)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, leave


def test_a_camera_that_is_not_there_holds_up_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    openings, done = Openings(), list[str]()
    (slow, leave), (other, other_leave) = begin(openings, "tcp", done), begin(openings, "tcp", done)
    other_leave.set()
    other.join(10)
    assert done == ["tcp:tcp", "tcp:tcp"] and slow.is_alive() and os.environ[VARIABLE] == "tcp"
    leave.set()
    slow.join(10)
    assert VARIABLE not in os.environ


def test_a_file_waits_for_a_stream_and_streams_that_come_later_wait_for_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "mine")
    openings, done = Openings(), list[str]()
    stream, leave_stream = begin(openings, "tcp", done)
    while not done:
        pass
    file, leave_file = begin(openings, "", done)
    while not openings._waiting:
        pass
    later, leave_later = begin(openings, "tcp", done)
    while len(openings._waiting) < 2:
        pass
    for leave in (leave_stream, leave_file, leave_later):
        leave.set()
    for thread in (stream, file, later):
        thread.join(10)
    assert done == ["tcp:tcp", ":mine", "tcp:tcp"] and os.environ[VARIABLE] == "mine"


def test_an_opening_that_fails_lets_the_next_one_in() -> None:
    openings = Openings()
    with pytest.raises(RuntimeError), openings.with_options("tcp"):
        raise RuntimeError
    with openings.with_options(""):
        assert os.environ.get(VARIABLE) != "tcp"
