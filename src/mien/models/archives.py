"""Reads members of zip archives that come from others: bounded in bytes, and damaged ones refused in one sentence.

Nothing is ever unpacked to the disk, so that no name in an archive becomes a path.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mien.errors import MienError
from mien.faults import describe

MAX_MEMBER = (1 << 31) - 1
"""Maximum bytes of a member: those of an ONNX file, by protobuf's limit."""

PACKED, SMALL = 100, 1 << 20
"""Times that a member may grow when it is unpacked, and bytes below which it may grow as it likes."""


@contextmanager
def opened(source: Path | IO[bytes], where: str, error: type[MienError], remedy: str) -> Iterator[zipfile.ZipFile]:
    """Open an archive; whatever its reader raises in the block becomes an error of mien's.

    Args:
        source: the archive.
        where: what messages call it.
        error: to raise.
        remedy: the end of the message's sentence.

    Raises:
        MienError: of the type `error`; the archive is damaged, none at all, or lacks what is read in the block.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except MienError:
        raise
    except OSError as reason:
        raise error(describe(reason, where)) from reason
    except KeyError as reason:
        raise error(f"{where} lacks {reason.args[0] if reason.args else 'a part'}; {remedy}") from reason
    except Exception as reason:
        # zipfile and its decoders raise what they like for damaged bytes: zlib.error, struct.error, EOFError...
        raise error(f"{where} is damaged or not what it should be ({_short(reason)}); {remedy}") from reason


def member(archive: zipfile.ZipFile, name: str, limit: int = MAX_MEMBER) -> bytes:
    """The bytes of one member.

    Raises:
        ValueError: it claims more bytes than the limit, or grows beyond reason.
        KeyError: there is no such member.
    """
    info = archive.getinfo(name)
    if info.file_size > limit or info.file_size > SMALL + PACKED * info.compress_size:
        raise ValueError(f"{name} claims to have {info.file_size} bytes, too many")
    return archive.read(info)


def _short(reason: Exception) -> str:
    said = " ".join(str(reason).split())[:160]
    return said or type(reason).__name__
