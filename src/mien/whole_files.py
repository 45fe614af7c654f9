"""Files and folders that are complete or absent: written under a scratch name, then renamed.

Owns the scratch name and its removal. Does not decide what is written, and never merges with what was there: the
rename replaces a file; a folder must not exist yet, or is replaced as a whole.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a scratch path next to `path`; rename it to `path` when the block ends, remove it when the block raises.

    The scratch name keeps the ending of `path`, since writers choose a format by it, and the process number, so that
    two processes do not share one. Missing parent folders are created. The data is on disk before the rename, so that
    a crash leaves the old file or the new one.

    Raises:
        OSError: the folder cannot be created or written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = _scratch(path)
    try:
        yield scratch
        with scratch.open("rb+") as stream:
            os.fsync(stream.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give an empty scratch folder next to `path`; rename it to `path` when the block ends, or remove it.

    Raises:
        FileExistsError: `path` exists and is not an empty folder.
        OSError: the folder cannot be created or written to.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} exists already")
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = _scratch(path)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        yield scratch
        scratch.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Give an empty scratch folder next to `path`; put it in the place of `path` when the block ends, or remove it.

    Where two processes do so at once, one of their folders stays, whole.

    Raises:
        OSError: the folder cannot be created or written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    old = scratch.with_suffix(".old")
    try:
        yield scratch
        with suppress(FileNotFoundError):
            path.replace(old)
        try:
            scratch.replace(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_whole_text(path: Path, text: str) -> None:
    """Write UTF-8 text, complete or not at all; line ends are kept as they are."""
    with whole_file(path) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="")


def write_whole_bytes(path: Path, data: bytes) -> None:
    """Write bytes, complete or not at all."""
    with whole_file(path) as scratch:
        scratch.write_bytes(data)


def _scratch(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
