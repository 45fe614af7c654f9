"""Callers who are not known cannot fill the audit log."""

import pytest

from mien.service import unknown_callers
from mien.service.unknown_callers import ALL, PER_ADDRESS, SPAN, UnknownCallers


def test_one_address_does_not_take_the_lines_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(unknown_callers.time, "monotonic", lambda: now)
    lines = UnknownCallers()
    assert sum(lines.may_add("10.0.0.1") for _ in range(10 * ALL)) == PER_ADDRESS
    assert lines.may_add("10.0.0.2")
    assert sum(lines.may_add(f"2001:db8::{number}") for number in range(10 * ALL)) == ALL - PER_ADDRESS - 1
    left_out = 20 * ALL + 1 - ALL
    assert lines.take_left_out() == 0, "the span is not over"
    now += SPAN
    assert lines.take_left_out() == left_out and lines.take_left_out() == 0
    lines.give_back(left_out)
    assert lines.take_left_out(at_once=True) == left_out
    assert lines.may_add("10.0.0.1"), "a new span has begun"
