"""Erases faces that cameras saw: when their hours are over, and when the subject whom they show was erased.

What the hours end is in the audit log before it is erased. An erased subject is in it already.
"""

import logging
import sqlite3
import time

from mien.errors import MienError, SubjectNotFoundError
from mien.service.auditing import Auditing
from mien.service.camera_stores import CameraStores
from mien.service.galleries import Galleries

PAUSE = 60.0
"""Seconds between two looks for subjects whom another program has erased."""
log = logging.getLogger("mien.service")


class FaceErasure:
    """Erases for one service.

    Args:
        stores: of its cameras.
        galleries: in which subjects are.
    """

    def __init__(self, stores: CameraStores, galleries: Galleries) -> None:
        self._stores, self._galleries = stores, galleries
        self._checked = float("-inf")

    def erase_expired(self, auditing: Auditing) -> None:
        """Erase visits and thumbnails whose hours are over.

        Raises:
            NotWrittenError: the audit log cannot be written, and nothing is erased without it.
        """
        unknown, thumbnails = self._stores.unknown, self._stores.thumbnails
        for visit in unknown.expired():
            auditing.erases(visit.gallery, visit.id, "begun", "erase_unknown")
            unknown.delete([visit])
            auditing.erases(visit.gallery, visit.id, "done", "erase_unknown")
        for one in thumbnails.expired():
            auditing.erases(one.gallery, one.id, "begun", "erase_thumbnail")
            thumbnails.delete([one])
            auditing.erases(one.gallery, one.id, "done", "erase_thumbnail")
        # Those of a process that ended in between.
        unknown.erase_unused_keys()

    def erase_missing(self) -> None:
        """Erase the thumbnails of subjects who are not in their gallery any more; what fails is tried again later."""
        self._checked = time.monotonic()
        try:
            for gallery, subject in self._stores.thumbnails.subjects():
                try:
                    self._galleries.find(gallery).gallery.store.subject(subject)
                except SubjectNotFoundError:
                    self._stores.thumbnails.erase_subject(gallery, subject)
        except (MienError, sqlite3.Error):
            log.exception("thumbnails of erased subjects are not erased, and are tried again")

    def erase_missing_of_others(self) -> None:
        """Erase those of subjects whom other programs have erased, where that was not looked for in a minute."""
        if time.monotonic() - self._checked >= PAUSE:
            self.erase_missing()
