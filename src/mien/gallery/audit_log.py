"""A log of who did what to whose data, in which every change shows. One JSON object per line, in one file.

Each line holds the hash of the line before it, so a line that was changed, removed or put elsewhere breaks the chain
from there on. Lines that are missing at the end show against a head that was written down elsewhere. An entry names
subjects by id; it has no names, scores or images. Decides nothing about who may read it.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from threading import RLock

from mien.errors import GalleryError
from mien.faults import describe
from mien.whole_files import PRIVATE_FILE

START = "0" * 64
"""What the first line names as the hash before it."""
LONGEST = 1 << 16
"""Bytes of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that was done.

    Attributes:
        who: the account or key that did it, by id.
        what: the operation, such as `subject.erase`.
        outcome: what came of it, such as `done` or `refused`.
        gallery: the id of the gallery; None where there was none.
        subject: the id of the subject; None where there was none.
        address: from where, such as an IP address; None where it came from this machine.
        at: when, in seconds since 1970 (UTC).

    Example:
        >>> mien.AuditEntry(who="console", what="subject.erase", outcome="done", at=0.0).subject is None
        True
    """

    who: str
    what: str
    outcome: str
    gallery: str | None = None
    subject: str | None = None
    address: str | None = None
    at: float


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a log at one moment. Who keeps it elsewhere can show later that nothing is missing.

    Attributes:
        lines: number of lines.
        hash: of the last one; START for an empty log.
    """

    lines: int
    hash: str

    def __str__(self) -> str:
        return f"{self.lines}:{self.hash}"


@dataclass(frozen=True, slots=True)
class AuditFault:
    """The first place at which a log is not what was written.

    Attributes:
        line: its number, from 1.
        reason: what is wrong with it.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What a check of a log found. It is true where nothing is wrong.

    Attributes:
        head: of the lines before the first fault.
        fault: the first fault; None where there is none.
    """

    head: Head
    fault: AuditFault | None = None

    def __bool__(self) -> bool:
        return self.fault is None


class AuditLog:
    """A log that is open for writing. Safe to use from several threads and processes.

    Example:
        >>> log = mien.AuditLog(Path("audit.log"))
        >>> log.write(mien.AuditEntry(who="console", what="subject.erase", outcome="done", at=0.0)).lines
        1
        >>> log.close()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = RLock()
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        except OSError as reason:
            raise GalleryError(f"the audit log cannot be opened: {describe(reason, str(path))}") from reason

    def close(self) -> None:
        """Give back the file."""
        with self._lock:
            os.close(self._descriptor)

    def write(self, entry: AuditEntry) -> Head:
        """Add an entry; it is on disk when this returns.

        Raises:
            GalleryError: it cannot be written, or the last line of the log is damaged.
        """
        try:
            with self._lock, self._alone():
                before = self._last()
                line = _line(before, entry)
                if os.write(self._descriptor, line) < len(line):
                    # The rest of the line is taken away by the next one.
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(self._descriptor)
                return Head(before.lines + 1, _hash(line))
        except OSError as reason:
            raise GalleryError(f"the audit log cannot be written: {describe(reason, str(self.path))}") from reason

    def _last(self) -> Head:
        """The head of what is there; a line that was cut off by a crash is taken away, since nobody heard of it."""
        size = os.fstat(self._descriptor).st_size
        os.lseek(self._descriptor, max(0, size - 2 * LONGEST), os.SEEK_SET)
        tail = os.read(self._descriptor, min(size, 2 * LONGEST))
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            os.ftruncate(self._descriptor, size - (len(tail) - whole))
        lines = tail[:whole].splitlines(keepends=True)
        if not lines:
            return Head(0, START)
        try:
            return Head(int(json.loads(lines[-1])["line"]), _hash(lines[-1]))
        except (ValueError, KeyError, TypeError) as reason:
            raise GalleryError(
                f"the last line of {self.path} is damaged: see `mien audit-log verify {self.path}`, and begin a new "
                "log"
            ) from reason

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from writing, where the system can."""
        try:
            import fcntl
        except ImportError:
            yield
            return
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def read_entries(path: Path) -> Iterator[AuditEntry]:
    """The entries of a log in their order, without a check of the chain.

    Raises:
        GalleryError: it cannot be read, or a line is not an entry.
    """
    for number, line in enumerate(_lines(path), 1):
        try:
            value = json.loads(line)
            yield AuditEntry(**{name: value[name] for name in AuditEntry.__dataclass_fields__})
        except (ValueError, KeyError, TypeError) as reason:
            raise GalleryError(f"{path}, line {number}: not an entry of an audit log ({reason})") from reason


def verify_audit_log(path: str | Path, head: str | None = None) -> AuditVerdict:
    """Check that no line of a log was changed, removed or put elsewhere.

    Args:
        path: of the log.
        head: what str(Head) was at an earlier moment; lines that are missing at the end show against it.

    Raises:
        GalleryError: the log cannot be read, or the head is not one.

    Example:
        >>> bool(mien.verify_audit_log("audit.log"))
        True
    """
    wanted = None if head is None else _head_of(head)
    before = Head(0, START)
    for line in _lines(Path(path)):
        reason = _fault(before, line)
        if reason is not None:
            return AuditVerdict(before, AuditFault(before.lines + 1, reason))
        before = Head(before.lines + 1, _hash(line))
        if wanted is not None and wanted.lines == before.lines and wanted.hash != before.hash:
            return AuditVerdict(before, AuditFault(before.lines, "it is not the line that the head names"))
    if wanted is not None and wanted.lines > before.lines:
        missing = wanted.lines - before.lines
        return AuditVerdict(before, AuditFault(before.lines + 1, f"{missing} lines are missing at the end"))
    return AuditVerdict(before)


def _line(before: Head, entry: AuditEntry) -> bytes:
    value = {"line": before.lines + 1, **asdict(entry), "before": before.hash}
    line = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
    if len(line) > LONGEST:
        raise GalleryError(f"an entry of an audit log has at most {LONGEST} bytes, and this one has {len(line)}")
    return line


def _hash(line: bytes) -> str:
    return sha256(line).hexdigest()


def _fault(before: Head, line: bytes) -> str | None:
    """What is wrong with a line that follows another, or None."""
    try:
        value = json.loads(line)
        number, named = value["line"], value["before"]
    except (ValueError, KeyError, TypeError):
        return "it is not an entry"
    if number != before.lines + 1:
        return f"it says that it is line {number}: lines were removed or put elsewhere"
    if named != before.hash:
        return (
            "the line before it was changed, or it was put elsewhere"
            if before.lines
            else "lines before it are missing"
        )
    return None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            yield from stream
    except OSError as reason:
        raise GalleryError(f"the audit log cannot be read: {describe(reason, str(path))}") from reason


def _head_of(text: str) -> Head:
    lines, _, digest = text.strip().partition(":")
    if not lines.isdigit() or len(digest) != len(START):
        raise GalleryError(f"'{text}' is not the head of an audit log, which `mien audit-log head FILE` prints")
    return Head(int(lines), digest)
