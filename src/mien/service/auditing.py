"""Which requests are written into the audit log, and as what: who did which operation to which subject, from where.

An entry has ids and no names, scores or images. It is on disk before the answer is sent. Reading of lists is not
written down; writes, searches of faces and looking at somebody's portrait are.
"""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

from starlette.types import Scope

from mien.errors import MienError
from mien.gallery.audit_log import AuditEntry, AuditLog

FILE = "audit.log"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
NOT_WRITTEN = ("detect", "compare", "check_portrait")
"""Writes by their method that keep nothing and read nothing of anybody who is enrolled."""
WRITTEN = ("get_portrait", "list_audit_log")
"""Reads that are written down."""
NOBODY = "nobody"

log = logging.getLogger("mien.service")


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
        self.problem = ""

    def close(self) -> None:
        """Close the file."""
        self._log.close()

    async def record(self, scope: Scope, status: int) -> None:
        """Write a request down, if it is one of those that are, before its answer is sent."""
        operation = getattr(scope.get("route"), "operation_id", None)
        if operation is None or not _is_written(operation, scope["method"]):
            return
        try:
            await asyncio.to_thread(self._log.write, _entry(scope, operation, status))
            self.problem = ""
        except (MienError, OSError):
            self.problem = "the audit log cannot be written: free space on the disk, or run `mien audit-log verify`"
            log.exception("request %s is not in the audit log", scope["state"].get("request_id"))


def note(state: Any, **what: str) -> None:  # noqa: ANN401 - starlette's State
    """What a route knows for the entry of its request: who, gallery or subject."""
    state.audited = {**getattr(state, "audited", {}), **what}


def _is_written(operation: str, method: str) -> bool:
    return operation in WRITTEN or (method not in SAFE_METHODS and operation not in NOT_WRITTEN)


def _entry(scope: Scope, operation: str, status: int) -> AuditEntry:
    state, found = scope["state"], scope.get("path_params", {})
    caller, noted = state.get("caller"), state.get("audited", {})
    client = scope.get("client")
    return AuditEntry(
        who=noted.get("who") or (NOBODY if caller is None else caller.id),
        what=operation,
        outcome="done" if status < 400 else "refused" if status < 500 else "failed",
        gallery=noted.get("gallery") or found.get("gallery_id"),
        subject=noted.get("subject") or found.get("subject_id") or found.get("sample_id"),
        address=client[0] if client else None,
        at=time.time(),
    )
