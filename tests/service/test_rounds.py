"""Work in rounds goes on after a failure, and ends when it is asked to."""

import logging
import threading

import pytest

from mien.service.rounds import Rounds


def test_a_round_that_fails_is_logged_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    done, calls = threading.Event(), list[int]()

    def step() -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            raise ValueError("the disk is full")
        done.set()

    rounds = Rounds("mien-test", step, 0.001)
    with caplog.at_level(logging.ERROR, "mien.service"):
        rounds.start()
        assert done.wait(20)
    rounds.stop(20)
    assert not rounds._thread.is_alive() and "mien-test: a round failed" in caplog.text


def test_work_that_never_began_is_stopped_all_the_same() -> None:
    rounds = Rounds("mien-test", lambda: None, 1.0)
    assert not rounds.is_stopping
    rounds.stop(1.0)
    assert rounds.is_stopping
