"""Members of foreign archives: bounded, and damaged ones are one sentence."""

import io
import zipfile
from pathlib import Path

import pytest

from mien.errors import CardError
from mien.models.archives import SMALL, member, opened


def packed(content: bytes, name: str = "a") -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream


def read(source: io.BytesIO | Path, name: str = "a", limit: int = SMALL * 400) -> bytes:
    with opened(source, "it.zip", CardError, "copy it again") as archive:
        return member(archive, name, limit)


def test_a_member_is_read() -> None:
    assert read(packed(b"content" * 99)) == b"content" * 99


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(CardError, match=r"it\.zip .* claims to have 314572800 bytes, too many\); copy it again"):
        read(packed(bytes(300 << 20)))
    with pytest.raises(CardError, match="claims to have 9 bytes"):
        read(packed(b"content 9"), limit=8)


def test_what_is_missing_damaged_or_no_archive_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"it\.zip lacks .*'b' in the archive.*; copy it again"):
        read(packed(b"content"), "b")
    with pytest.raises(CardError, match=r"it\.zip is damaged or not what it should be \(File is not a zip file\)"):
        read(io.BytesIO(b"rubbish"))
    with pytest.raises(CardError, match=r"none\.zip does not exist"):
        read(tmp_path / "none.zip")
    data = bytearray(packed(bytes(range(256)) * 99).getvalue())
    data[40:80] = b"\xff" * 40
    with pytest.raises(CardError, match=r"it\.zip is damaged or not what it should be"):
        read(io.BytesIO(bytes(data)))
