"""Copies or links the images that an audit accepts into another folder, keeping the structure. Changes no source."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mien.data.stored_paths import stored_path
from mien.errors import AuditError
from mien.portrait.dataset.audit import Audit


def accept(audit: Audit, target: Path, *, link: bool = False) -> Iterator[int]:
    """Copy what passes.

    Args:
        audit: what was found.
        target: a folder that is not in the data set, and empty or made by an earlier call.
        link: hard links instead of copies, where source and target lie on one file system.

    Yields:
        How many images are there.

    Raises:
        AuditError: the target lies in the data set, or cannot be written to.
    """
    if target.resolve().is_relative_to(audit.root.resolve()):
        raise AuditError(f"{target} lies in the data set, which is not to be changed: give a folder elsewhere")
    for done, row in enumerate(audit.accepted.nonzero()[0].tolist(), start=1):
        name = stored_path(audit.entries[row].path)
        place = target / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            scratch = place.with_name(f".{place.name}.part")
            scratch.unlink(missing_ok=True)
            if link:
                os.link(audit.root / name, scratch)
            else:
                shutil.copy2(audit.root / name, scratch)
            scratch.replace(place)
            # Renaming one link of a file onto another does nothing and leaves both.
            scratch.unlink(missing_ok=True)
        except OSError as reason:
            remedy = "leave --link out" if link else "give another folder"
            raise AuditError(f"{place} cannot be written ({reason.strerror or reason}): {remedy}") from reason
        yield done
