"""Operations on what was written down: the audit log, and whether it is still what was written."""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from mien.gallery.audit_log import AuditEntry, read_entries, verify_audit_log
from mien.service.answers import Answer
from mien.service.auditing import Auditing
from mien.service.auth.callers import Caller, needs
from mien.service.state import in_thread
from mien.service.times import time_text

router = APIRouter(prefix="/v1/audit-log", tags=["records"])

Auditor = Annotated[Caller, Depends(needs("audit"))]
PAGE, MAX_PAGE = 100, 1000


class EntryAnswer(Answer):
    """One thing that was done. It has no names, scores or images."""

    line: int
    at: str
    who: str
    """The account or key, by id; local is the machine's own user, nobody somebody who was not known."""
    what: str
    """The operation, as the OpenAPI document names it."""
    outcome: str
    """begun, done, refused or failed."""
    gallery: str | None
    subject: str | None
    address: str | None


class AuditLogAnswer(Answer):
    """One page of the log, the newest entries first."""

    entries: list[EntryAnswer]
    next: str | None
    """The cursor of the next page; null on the last one."""


@router.get("", operation_id="list_audit_log")
async def list_audit_log(
    request: Request,
    caller: Auditor,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> AuditLogAnswer:
    """List what was done, the newest first. A caller of some galleries sees their entries alone."""
    auditing: Auditing = request.app.state.auditing
    cursors = request.app.state.cursors
    before = None if cursor is None else int(cursors.read(cursor, caller=caller.id, list="audit"))

    def work() -> AuditLogAnswer:
        last = deque(_seen(auditing, caller, before), maxlen=limit + 1)
        page = list(islice(reversed(last), limit))
        more = cursors.write(page[-1][0], caller=caller.id, list="audit") if len(last) > limit else None
        return AuditLogAnswer(entries=[_entry(number, one) for number, one in page], next=more)

    return await in_thread(work)


def _seen(auditing: Auditing, caller: Caller, before: int | None) -> Iterator[tuple[int, AuditEntry]]:
    """The entries that a caller may see, with their lines, in order."""
    for number, one in enumerate(read_entries(auditing.path), 1):
        if before is not None and number >= before:
            return
        if caller.galleries is None or one.gallery in caller.galleries:
            yield number, one


class AuditVerdictAnswer(Answer):
    """Whether the log is still what was written."""

    intact: bool
    head: str
    """Lines and hash of the end, or of what is before the first fault. Keep it elsewhere: it shows later that nothing
    is missing at the end."""
    line: int | None
    """The first line that was changed, removed or put elsewhere."""
    reason: str


@router.get("/verify", operation_id="verify_audit_log")
async def check_audit_log(
    request: Request,
    caller: Auditor,
    head: Annotated[str | None, Query(max_length=100, pattern=r"^\d{1,12}:[0-9a-f]{64}$")] = None,
) -> AuditVerdictAnswer:
    """Check that no line of the audit log was changed, removed or put elsewhere, since a head where one is given."""
    auditing: Auditing = request.app.state.auditing
    verdict = await in_thread(verify_audit_log, auditing.path, head)
    fault = verdict.fault
    return AuditVerdictAnswer(
        intact=bool(verdict),
        head=str(verdict.head),
        line=None if fault is None else fault.line,
        reason="" if fault is None else fault.reason,
    )


def _entry(number: int, one: AuditEntry) -> EntryAnswer:
    return EntryAnswer(
        line=number,
        at=time_text(one.at),
        who=one.who,
        what=one.what,
        outcome=one.outcome,
        gallery=one.gallery,
        subject=one.subject,
        address=one.address,
    )
