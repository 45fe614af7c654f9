"""Copies or links the images that an audit accepts into another folder, keeping the structure. Changes no source."""

import os
import shutil
from pathlib import Path
from secrets import token_hex

from mien.data.stored_paths import stored_path
from mien.errors import AuditError
from mien.output_names import OutputGuard
from mien.portrait.dataset.audit import Audit
from mien.progress import OnProgress, no_progress, report_progress
from mien.whole_files import make_folder, make_private


def accept_images(
    audit: Audit, target: Path, guard: OutputGuard, *, link: bool = False, on_progress: OnProgress = no_progress
) -> int:
    """Copy what passes.

    Args:
        audit: what was found.
        target: a folder outside of the data set.
        guard: keeps files there that mien did not make.
        link: hard links instead of copies, where source and target are on one file system.
        on_progress: called after every image.

    Returns:
        How many images were accepted.

    Raises:
        AuditError: the target is in the data set, or cannot be written to.
        OutputError: a file is in the target that mien did not make; nothing is copied then.
    """
    check_outside(target, audit.root, "--accept")
    rows = audit.accepted.nonzero()[0].tolist()
    guard.check(target / stored_path(audit.entries[row].path) for row in rows)
    for row in report_progress(rows, "accepting", len(rows), on_progress):
        name = stored_path(audit.entries[row].path)
        try:
            _place(audit.root / name, target / name, link)
            guard.record(target / name)
        except OSError as reason:
            remedy = "leave out --link" if link else "choose a different --accept"
            raise AuditError(f"{target / name} cannot be written ({reason.strerror or reason}): {remedy}") from reason
    return len(rows)


def is_inside(target: Path, root: Path) -> bool:
    """Whether a folder is the data set, or in it."""
    return target.resolve().is_relative_to(root.resolve())


def check_outside(target: Path, root: Path, option: str) -> None:
    """Refuse a folder for results that is in the data set.

    Raises:
        AuditError: it is.
    """
    if is_inside(target, root):
        raise AuditError(f"{target} is in the data set, which must not change: choose a different {option}")


def _place(source: Path, place: Path, link: bool) -> None:
    make_folder(place.parent, private=True)
    scratch = place.with_name(f".{token_hex(8)}.part")
    try:
        if link:
            # A link is the source itself, whose rights stay.
            os.link(source, scratch)
        else:
            shutil.copy2(source, scratch)
            make_private(scratch)
        scratch.replace(place)
    finally:
        # Renaming one link of a file onto another does nothing and leaves both.
        scratch.unlink(missing_ok=True)
