"""Which requests are written into the audit log, and as what: who did which operation to which subject, from where.

An entry has ids and no names, scores or images. Reading of lists is not written down; changes, searches of faces and
looking at somebody's portrait are. Nothing is done that is not in the log: a change is in it as `begun` before it
happens, and its outcome follows; what a search or a portrait would show is held back until its line is on disk.
Refusals of callers who are not known are limited (mien.service.unknown_callers); how many were left out is a line.
"""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any, Literal

from starlette.types import Scope

from mien.errors import MienError
from mien.gallery.audit_log import AuditEntry, AuditLog
from mien.service.errors import ServiceError
from mien.service.unknown_callers import UnknownCallers

FILE = "audit.log"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
NOT_WRITTEN = ("detect", "compare", "verify_pairs", "check_portrait")
"""Writes by their method that keep nothing and read nothing of anybody who is enrolled."""
SHOWING = (
    "identify",
    "verify_subject",
    "embed",
    "get_portrait",
    "list_pairs",
    "get_pair_image",
    "list_unknown",
    "get_unknown_portrait",
    "get_camera_thumbnail",
    "get_camera_preview",
    "list_audit_log",
)
"""Operations that change nothing and are written down, since they show something of somebody."""
WITHOUT_CALLER = ("sign_in", "accept_invitation")
"""Changes that somebody who is not signed in may ask for."""
NOBODY = "nobody"
LEFT_OUT = "left_out"
"""With a number behind it: so many lines of callers who are not known."""

Erasing = Literal["erase_expired", "erase_unknown", "erase_thumbnail"]
"""What the service erases by itself: subjects without a consent, people whom nobody knows, thumbnails of events."""

log = logging.getLogger("mien.service")


class NotWrittenError(ServiceError):
    """The audit log cannot be written, so that nothing is done that belongs into it."""

    def __init__(self) -> None:
        message = (
            "the audit log cannot be written, and nothing was done: the operator has to free space on the disk, or "
            "see `mien audit-log verify`"
        )
        super().__init__(503, "audit_log_not_writable", message)


class Auditing:
    """The audit log of a service.

    Args:
        folder: of the service.

    Raises:
        GalleryError: the log cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._log = AuditLog(self.path)
        self._unknown = UnknownCallers()
        self.problem = ""

    def close(self) -> None:
        """Write down what was left out, and close the file."""
        self.write_left_out(at_once=True)
        self._log.close()

    def write_left_out(self, *, at_once: bool = False) -> None:
        """Write down how many lines of unknown callers were left out in the last minute, where some were."""
        count = self._unknown.take_left_out(at_once=at_once)
        if count and not self._put(
            AuditEntry(who=NOBODY, what=f"{LEFT_OUT}:{count}", outcome="refused", at=time.time())
        ):
            self._unknown.give_back(count)

    async def begin(self, scope: Scope) -> None:
        """Write down that a change begins.

        Raises:
            NotWrittenError: it cannot be written, and must not happen.
        """
        operation = _operation(scope)
        if operation is None or operation in SHOWING:
            return
        if not await self._write(scope, operation, "begun"):
            raise NotWrittenError

    async def record(self, scope: Scope, status: int) -> bool:
        """Write a request down, if it is one of those that are, before its answer is sent.

        Returns:
            Whether the answer may be sent: False where it would show something that the log does not know of.
        """
        operation = _operation(scope)
        if operation is None:
            return True
        outcome = "done" if status < 400 else "refused" if status < 500 else "failed"
        is_written = await self._write(scope, operation, outcome)
        # That an unknown caller begins may be left out, so what comes of it must be written.
        return is_written or status >= 400 or operation not in (*SHOWING, *WITHOUT_CALLER)

    def erases(
        self, gallery: str, subject: str, outcome: Literal["begun", "done", "failed"], what: Erasing = "erase_expired"
    ) -> None:
        """Write down that the service itself erases somebody whose consent, or whose hours, ended.

        Raises:
            NotWrittenError: it cannot be written, and must not happen.
        """
        entry = AuditEntry(
            who="service", what=what, outcome=outcome, gallery=gallery, subject=subject, at=time.time()
        )
        if not self._put(entry):
            raise NotWrittenError

    async def _write(self, scope: Scope, operation: str, outcome: str) -> bool:
        entry = _entry(scope, operation, outcome)
        if entry.who == NOBODY and outcome != "done" and not self._unknown.may_add(entry.address or ""):
            return True
        return await asyncio.to_thread(self._put, entry)

    def _put(self, entry: AuditEntry) -> bool:
        try:
            self._log.write(entry)
            self.problem = ""
        except (MienError, OSError):
            self.problem = "the audit log cannot be written: free space on the disk, or run `mien audit-log verify`"
            log.exception("%s is not in the audit log", entry.what)
            return False
        return True


def note(state: Any, **what: str) -> None:  # noqa: ANN401 - starlette's State
    """What a route knows for the entry of its request: who, gallery or subject."""
    state.audited = {**getattr(state, "audited", {}), **what}


def _operation(scope: Scope) -> str | None:
    """The operation of a request that is written down; None for others."""
    operation: str | None = getattr(scope.get("route"), "operation_id", None)
    if operation in SHOWING or (scope["method"] not in SAFE_METHODS and operation not in NOT_WRITTEN):
        return operation
    return None


def _entry(scope: Scope, operation: str, outcome: str) -> AuditEntry:
    state, found = scope["state"], scope.get("path_params", {})
    caller, noted = state.get("caller"), state.get("audited", {})
    client = scope.get("client")
    return AuditEntry(
        who=noted.get("who") or (NOBODY if caller is None else caller.id),
        what=operation,
        outcome=outcome,
        gallery=noted.get("gallery") or found.get("gallery_id"),
        subject=noted.get("subject") or found.get("subject_id") or found.get("sample_id"),
        address=client[0] if client else None,
        at=time.time(),
    )
