"""What is written down: changes, searches and portraits, by ids alone, before the answer is sent."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from mien.gallery.audit_log import read_entries
from mien.service.auditing import LEFT_OUT, NOBODY, Auditing, NotWrittenError, note
from mien.service.unknown_callers import PER_ADDRESS


def scope(operation: str | None, method: str, **path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "route": SimpleNamespace(operation_id=operation),
        "path_params": path,
        "client": ("10.0.0.1", 5),
        "state": {"caller": SimpleNamespace(id="key 1"), "request_id": "r"},
    }


def test_changes_searches_and_portraits_are_written_down_and_the_rest_is_not(tmp_path: Path) -> None:
    auditing = Auditing(tmp_path)
    for operation, method in (
        ("erase_subject", "DELETE"),
        ("identify", "POST"),
        ("get_portrait", "GET"),
        ("detect", "POST"),
        ("list_subjects", "GET"),
        (None, "POST"),
    ):
        anyio.run(auditing.record, scope(operation, method, gallery_id="g", subject_id="s"), 200)
    found = list(read_entries(auditing.path))
    assert [one.what for one in found] == ["erase_subject", "identify", "get_portrait"]
    assert {(one.who, one.gallery, one.subject, one.address, one.outcome) for one in found} == {
        ("key 1", "g", "s", "10.0.0.1", "done")
    }
    auditing.close()


@pytest.mark.parametrize(("status", "outcome"), [(201, "done"), (403, "refused"), (500, "failed")])
def test_outcomes_and_what_a_route_knows(tmp_path: Path, status: int, outcome: str) -> None:
    auditing, request = Auditing(tmp_path), scope("create_subject", "POST", gallery_id="g")
    state = SimpleNamespace()
    note(state, subject="made")
    note(state, who="account 1")
    request["state"] = {"audited": state.audited}
    anyio.run(auditing.record, request, status)
    (one,) = read_entries(auditing.path)
    assert (one.outcome, one.subject, one.who) == (outcome, "made", "account 1")
    auditing.close()


def test_nothing_is_done_or_shown_that_the_log_cannot_hold(tmp_path: Path) -> None:
    auditing = Auditing(tmp_path)
    auditing.close()
    assert not anyio.run(auditing.record, scope("identify", "POST"), 200), "who somebody is is not shown"
    assert "cannot be written" in auditing.problem
    assert anyio.run(auditing.record, scope("identify", "POST"), 422), "a refusal shows nothing"
    assert anyio.run(auditing.record, scope("erase_subject", "DELETE"), 200), "its beginning is in the log"
    assert anyio.run(auditing.record, scope("detect", "POST"), 200)
    anyio.run(auditing.begin, scope("identify", "POST"))
    with pytest.raises(NotWrittenError, match="nothing was done"):
        anyio.run(auditing.begin, scope("erase_subject", "DELETE"))
    with pytest.raises(NotWrittenError):
        auditing.erases("g", "s", "begun")


def test_anonymous_sign_ins_do_not_fill_the_disk_with_audit_lines(tmp_path: Path) -> None:
    auditing, request = Auditing(tmp_path), scope("sign_in", "POST")
    request["state"] = {}
    for _ in range(PER_ADDRESS):
        anyio.run(auditing.begin, request)
        assert anyio.run(auditing.record, request, 401)
    assert anyio.run(auditing.record, scope("erase_subject", "DELETE"), 200), "who is known is always written down"
    request["state"] = {"audited": {"who": "account 1"}}
    assert anyio.run(auditing.record, request, 200), "and so is a success"
    auditing.close()
    found = [(one.who, one.what, one.outcome) for one in read_entries(auditing.path)]
    assert found[:2] == [(NOBODY, "sign_in", "begun"), (NOBODY, "sign_in", "refused")]
    assert found[PER_ADDRESS:] == [
        ("key 1", "erase_subject", "done"),
        ("account 1", "sign_in", "done"),
        (NOBODY, f"{LEFT_OUT}:{PER_ADDRESS}", "refused"),
    ]


def test_nobody_is_signed_in_whom_the_log_does_not_know(tmp_path: Path) -> None:
    auditing, request = Auditing(tmp_path), scope("sign_in", "POST")
    auditing.close()
    request["state"] = {"audited": {"who": "account 1"}}
    assert not anyio.run(auditing.record, request, 200)
