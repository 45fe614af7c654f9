"""The bytes of a sample: a file's own, or those of a record in a RecordIO file."""

from pathlib import Path

import pytest

from mien.data.encoded import read_encoded
from mien.data.recordio import Record, format_record, frame
from mien.data.sample import Sample
from mien.errors import ImageError
from mien.image import Limits


@pytest.fixture
def pack(tmp_path: Path) -> tuple[Path, int]:
    """A RecordIO file of two records, and where the second begins."""
    first, second = (frame(format_record(Record(0, (0.0,), n, data))) for n, data in enumerate((b"first", b"second")))
    (tmp_path / "train.rec").write_bytes(first + second)
    return tmp_path / "train.rec", len(first)


def test_a_file_and_a_record_give_their_own_bytes(pack: tuple[Path, int], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8 bytes")
    assert read_encoded(Sample(tmp_path / "a.jpg", "An")) == b"\xff\xd8 bytes"
    path, place = pack
    assert [read_encoded(Sample(path, "An", record=at)) for at in (0, place)] == [b"first", b"second"]


def test_what_cannot_be_read_is_named_with_its_place(pack: tuple[Path, int], tmp_path: Path) -> None:
    path, _ = pack
    with pytest.raises(ImageError, match=r"train\.rec at byte 4 cannot be read: "):
        read_encoded(Sample(path, "An", record=4))
    with pytest.raises(ImageError, match=r"gone\.rec at byte 0 cannot be read: "):
        read_encoded(Sample(tmp_path / "gone.rec", "An", record=0))
    with pytest.raises(ImageError, match=r"gone\.jpg does not exist"):
        read_encoded(Sample(tmp_path / "gone.jpg", "An"))
    with pytest.raises(ImageError, match="over the limit of 10;"):
        read_encoded(Sample(path, "An"), Limits(max_bytes=10))
