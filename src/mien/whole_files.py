"""Files and folders that are complete or absent: written under a scratch name, then renamed.

Owns the scratch name and its removal, and who may read what is written: with `private=True` files are 0600 and
folders 0700, whatever the umask, from their first byte on. Does not decide what is written, and never merges with
what was there: the rename replaces a file; a folder must not exist yet, or is replaced as a whole.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from stat import S_IMODE

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
"""The rights of what holds faces, embeddings or names: its owner alone reads and writes it."""

LONGEST_NAME = 255
"""Bytes in the name of a file on the file systems in use (ext4, XFS, APFS and NTFS)."""


@contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give a scratch path next to `path`; rename it to `path` when the block ends, remove it when the block raises.

    The scratch name keeps the ending of `path`, since writers choose a format by it, and the process number, so that
    two processes do not share one. Missing parent folders are created. The data is on disk before the rename, so that
    a crash leaves the old file or the new one.

    Args:
        path: of the file.
        private: whether only its owner may read it; folders that are created for it are private too.

    Raises:
        OSError: the folder cannot be created or written to.
    """
    make_folder(path.parent, private=private)
    scratch = _scratch(path)
    try:
        if private:
            _make_empty(scratch)
        yield scratch
        if private:
            make_private(scratch)
        with scratch.open("rb+") as stream:
            os.fsync(stream.fileno())
        scratch.replace(path)
    except OSError as reason:
        _name(reason, path)
        raise
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give an empty scratch folder next to `path`; rename it to `path` when the block ends, or remove it.

    Args:
        path: of the folder.
        private: whether only its owner may read it and what is in it.

    Raises:
        FileExistsError: `path` exists and is not an empty folder.
        OSError: the folder cannot be created or written to.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} exists already")
    make_folder(path.parent, private=private)
    scratch = _scratch(path)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=PRIVATE_FOLDER if private else 0o777)
    try:
        yield scratch
        if private:
            make_private(scratch)
        scratch.replace(path)
    except OSError as reason:
        _name(reason, path)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def replaced_folder(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give an empty scratch folder next to `path`; put it in the place of `path` when the block ends, or remove it.

    Where two processes do so at once, one of their folders stays, whole.

    Args:
        path: of the folder.
        private: whether only its owner may read it and what is in it.

    Raises:
        OSError: the folder cannot be created or written to.
    """
    make_folder(path.parent, private=private)
    scratch = path.with_name(f".{_short(path.name)}.{token_hex(4)}.part")
    scratch.mkdir(mode=PRIVATE_FOLDER if private else 0o777)
    old = scratch.with_suffix(".old")
    try:
        yield scratch
        if private:
            make_private(scratch)
        with suppress(FileNotFoundError):
            path.replace(old)
        try:
            scratch.replace(path)
        except OSError:
            if not path.is_dir():
                raise
    except OSError as reason:
        _name(reason, path)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_whole_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write UTF-8 text, complete or not at all; line ends are kept as they are. See whole_file.

    Bytes of file names that are not UTF-8 are written out as in \\udce9, which JSON reads back as they were.
    """
    with whole_file(path, private=private) as scratch:
        scratch.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def write_whole_bytes(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write bytes, complete or not at all. See whole_file."""
    with whole_file(path, private=private) as scratch:
        scratch.write_bytes(data)


def make_folder(path: Path, *, private: bool = False) -> Path:
    """Make a folder and those above it that are missing; private ones are closed to others.

    A folder that exists keeps its rights: somebody chose them.

    Raises:
        OSError: it cannot be made.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    if private:
        for folder in missing:
            _restrict(folder, PRIVATE_FOLDER)
    return path


def make_private(path: Path) -> None:
    """Close a file, or a folder with all that is in it, to everybody but its owner.

    File systems without rights of their own (exFAT) leave them as they were mounted.

    Raises:
        OSError: there is no such file, or it belongs to another account.
    """
    if not path.is_dir():
        _restrict(path, PRIVATE_FILE)
        return
    _restrict(path, PRIVATE_FOLDER)
    for one in path.iterdir():
        if not one.is_symlink():
            make_private(one)


def _restrict(path: Path, mode: int) -> None:
    if S_IMODE(path.stat().st_mode) == mode:
        return
    # Not permitted where rights are fixed by the mount.
    with suppress(PermissionError):
        path.chmod(mode)


def _make_empty(path: Path) -> None:
    """Make an empty private file before a writer opens it, so that its content is closed to others at all times."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
    _restrict(path, PRIVATE_FILE)


def _name(reason: OSError, path: Path) -> None:
    """Let an error of writing name what was to be written: a full disk names no file, others the scratch name."""
    file = reason.filename
    if (file is None and reason.errno is not None) or (isinstance(file, str | Path) and ".part" in Path(file).name):
        reason.filename = str(path)


def _scratch(path: Path) -> Path:
    ending = len(os.fsencode(path.suffix))
    # No writer knows a format by so long an ending.
    stem, suffix = (path.stem, path.suffix) if ending < 64 else (path.name, "")
    return path.with_name(f".{_short(stem, ending if suffix else 0)}.{os.getpid()}.part{suffix}")


def _short(name: str, used: int = 0) -> str:
    """A name that leaves room for what a scratch name adds to it; long ones end with a checksum."""
    encoded, room = os.fsencode(name), LONGEST_NAME - used - 24
    if len(encoded) <= room:
        return name
    return encoded[: room - 9].decode(errors="ignore") + "-" + sha256(encoded).hexdigest()[:8]
