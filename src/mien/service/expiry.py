"""Erases subjects whose consent ended longer ago than their gallery allows.

One that cannot be erased is tried again after pauses that become longer, and keeps nobody else from being erased.
Each erasure is written down before it happens, and its outcome after it. Decides nothing about consent; see
mien.gallery.consent.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from mien.errors import MienError
from mien.gallery.consent import expired
from mien.service.galleries import OpenGallery

PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds until an erasure that failed is tried again, which double up to the last number."""

WriteDown = Callable[[str, str, Literal["begun", "done", "failed"]], None]
"""Called with gallery, subject and outcome; what it refuses does not happen."""

log = logging.getLogger("mien.service")


@dataclass(frozen=True, slots=True)
class _Failure:
    """An erasure that failed: when it may be tried again, and the pause before that."""

    again: float
    pause: float


class Expiry:
    """The erasures of one service; used by one thread at a time.

    Args:
        write_down: puts them into the audit log.
    """

    def __init__(self, write_down: WriteDown) -> None:
        self._write_down = write_down
        self._failures: dict[tuple[str, str], _Failure] = {}

    @property
    def problem(self) -> str:
        """What readiness says while somebody cannot be erased; empty where there is nobody."""
        if not self._failures:
            return ""
        count = len(self._failures)
        return f"subjects whose consent ended and who cannot be erased (tried again): {count}; see the service's log"

    def erase(self, galleries: Iterable[OpenGallery]) -> int:
        """Erase whom there is to erase.

        Returns:
            How many were erased.
        """
        erased, due = 0, set()
        for one in galleries:
            try:
                subjects = expired(one.gallery.store)
            except MienError:
                log.exception("whose consent ended in gallery %s cannot be read", one.id)
                # Who could not be erased there before is still to be.
                due |= {key for key in self._failures if key[0] == one.id}
                continue
            due |= {(one.id, subject) for subject in subjects}
            erased += sum(self._erase(one, subject) for subject in subjects)
        # Somebody else erased the others, or they have consented again.
        self._failures = {key: failure for key, failure in self._failures.items() if key in due}
        return erased

    def _erase(self, one: OpenGallery, subject: str) -> bool:
        key, now = (one.id, subject), time.monotonic()
        before = self._failures.get(key)
        if before is not None and now < before.again:
            return False
        is_begun = False
        try:
            self._write_down(one.id, subject, "begun")
            is_begun = True
            one.gallery.remove(subject)
        except Exception:
            pause = PAUSE if before is None else min(2 * before.pause, LONGEST_PAUSE)
            self._failures[key] = _Failure(now + pause, pause)
            log.exception("subject %s of gallery %s is not erased; it is tried again in %g s", subject, one.id, pause)
            if is_begun:
                self._note(one.id, subject, "failed")
            return False
        self._failures.pop(key, None)
        self._note(one.id, subject, "done")
        return True

    def _note(self, gallery: str, subject: str, outcome: Literal["done", "failed"]) -> None:
        """Write down how an erasure ended. Where that fails, the log still has that it had begun."""
        try:
            self._write_down(gallery, subject, outcome)
        except MienError:
            log.exception("that the erasure of subject %s is %s is not in the audit log", subject, outcome)
