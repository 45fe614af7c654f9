"""A log in which every change shows: the first line that is not what was written is named."""

import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_IMODE

import pytest

from mien.errors import GalleryError
from mien.gallery.audit_log import START, AuditEntry, AuditLog, Head, read_entries, verify_audit_log


def entry(number: int) -> AuditEntry:
    return AuditEntry(who=f"key-{number}", what="subject.erase", outcome="done", subject="5a" * 16, at=float(number))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    log = AuditLog(tmp_path / "audit.log")
    for number in range(12):
        log.write(entry(number))
    log.close()
    return tmp_path / "audit.log"


def test_a_log_is_what_was_written(path: Path) -> None:
    verdict = verify_audit_log(path)
    assert verdict and verdict.head.lines == 12 and verify_audit_log(path, str(verdict.head))
    assert list(read_entries(path)) == [entry(number) for number in range(12)]
    assert S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_of_which_the_disk_took_a_part_is_not_called_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, write = AuditLog(path), os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:20]))
        with pytest.raises(GalleryError, match=r"the audit log cannot be written: .*pace"):
            log.write(entry(12))
    assert log.write(entry(13)).lines == 13 and verify_audit_log(path)
    assert list(read_entries(path))[-2:] == [entry(11), entry(13)]
    log.close()


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    AuditLog(tmp_path / "audit.log").close()
    assert verify_audit_log(tmp_path / "audit.log").head == Head(0, START)


@pytest.mark.parametrize("line", [1, 5, 12])
def test_a_changed_line_is_named_or_the_one_that_rests_on_it(path: Path, line: int) -> None:
    head, lines = str(verify_audit_log(path).head), path.read_bytes().splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(b"subject.erase", b"subject.renew")
    path.write_bytes(b"".join(lines))
    fault = verify_audit_log(path, head).fault
    assert fault is not None and fault.line == min(line + 1, 12)


@pytest.mark.parametrize("line", [1, 5, 11])
def test_a_removed_line_is_named(path: Path, line: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: line - 1] + lines[line:]))
    fault = verify_audit_log(path).fault
    assert fault is not None and fault.line == line and "removed or put elsewhere" in fault.reason


def test_lines_in_another_order_are_named(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3], lines[4] = lines[4], lines[3]
    path.write_bytes(b"".join(lines))
    fault = verify_audit_log(path).fault
    assert fault is not None and fault.line == 4


def test_lines_that_are_missing_at_the_end_show_against_a_head(path: Path) -> None:
    head = str(verify_audit_log(path).head)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:9]))
    assert verify_audit_log(path), "the chain itself is whole"
    fault = verify_audit_log(path, head).fault
    assert fault is not None and fault.line == 10 and "3 lines are missing" in fault.reason


def test_any_changed_byte_shows(path: Path) -> None:
    head, data = str(verify_audit_log(path).head), path.read_bytes()
    generator = random.Random(1)
    for _ in range(60):
        place, bit = generator.randrange(len(data)), 1 << generator.randrange(8)
        path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
        assert not verify_audit_log(path, head), f"byte {place}"


def test_several_writers_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    logs = [AuditLog(path), AuditLog(path)]
    with ThreadPoolExecutor(4) as pool:
        heads = list(pool.map(lambda number: logs[number % 2].write(entry(number)), range(60)))
    assert verify_audit_log(path).head.lines == 60 and sorted(head.lines for head in heads) == list(range(1, 61))


def test_a_line_that_a_crash_cut_off_is_taken_away(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b'{"line":13,"who":"ke')
    assert not verify_audit_log(path)
    log = AuditLog(path)
    assert log.write(entry(12)).lines == 13 and verify_audit_log(path)
    log.close()


def test_a_damaged_end_is_not_written_on(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"rubbish\n")
    log = AuditLog(path)
    with pytest.raises(GalleryError, match=r"the last line of .* is damaged"):
        log.write(entry(12))
    log.close()
    with pytest.raises(GalleryError, match="line 13: not an entry"):
        list(read_entries(path))


def test_an_entry_says_nothing_but_its_fields(path: Path) -> None:
    fields = set(json.loads(path.read_text().splitlines()[0]))
    assert fields == {"line", "who", "what", "outcome", "gallery", "subject", "address", "at", "before"}
    log = AuditLog(path)
    with pytest.raises(GalleryError, match="at most 65536 bytes"):
        log.write(AuditEntry(who="x" * 70_000, what="x", outcome="x", at=0.0))
    log.close()


@pytest.mark.parametrize("head", ["", "12", "12:abc", "x:" + "0" * 64])
def test_what_is_not_a_head_is_refused(path: Path, head: str) -> None:
    with pytest.raises(GalleryError, match="is not the head of an audit log"):
        verify_audit_log(path, head)
    with pytest.raises(GalleryError, match="cannot be read"):
        verify_audit_log(path.with_name("missing"))
