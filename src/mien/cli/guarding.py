"""Keeps files that mien did not make from being replaced by what a verb writes. Writes nothing itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mien.output_names import OutputGuard

Stamp = tuple[int, int]


@contextmanager
def guarded(
    files: Sequence[Path], sources: Sequence[Path | str] = (), *, overwrite: bool = False
) -> Iterator[OutputGuard]:
    """Refuse files that must not be replaced before the work begins; remember afterwards that mien wrote them.

    Args:
        files: that will be written.
        sources: that are read.
        overwrite: whether the user says --overwrite.

    Raises:
        OutputError: see mien.output_names.
    """
    guard = OutputGuard(sources, overwrite=overwrite)
    guard.check(files)
    before = {file: _stamp(file) for file in files}
    try:
        yield guard
    finally:
        # Also where the work failed: what was written is mien's, and may be replaced by the next try.
        for file, stamp in before.items():
            if _stamp(file) not in (None, stamp):
                guard.record(file)


def _stamp(file: Path) -> Stamp | None:
    """What changes when a file is written; None where there is none."""
    try:
        status = file.lstat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_mtime_ns
