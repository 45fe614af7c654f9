"""RecordIO against bytes put together by hand, and against itself."""

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data import recordio
from mien.data.recordio import MAGIC_BYTES, PackWriter, Record, format_record, frame, parse_record, read_payload
from mien.errors import ManifestError

words = st.lists(st.one_of(st.just(MAGIC_BYTES), st.binary(max_size=7)), max_size=12).map(b"".join)


@given(words)
def test_any_payload_survives_with_the_magic_word_in_it(payload: bytes) -> None:
    data = frame(payload)
    assert len(data) % 4 == 0
    stream = io.BytesIO(data + frame(b"next"))
    assert read_payload(stream, "x") == payload
    assert read_payload(stream, "x") == b"next"
    assert read_payload(stream, "x") is None


def test_a_record_in_parts_is_joined_with_the_magic_word() -> None:
    """Bytes as dmlc's writer puts them: start, middle and end, without the words between them."""
    parts = [(1, b"abcd"), (2, b""), (3, b"xyz")]
    data = b"".join(
        struct.pack("<II", 0xCED7230A, flag << 29 | len(p)) + p + b"\0" * (-len(p) % 4) for flag, p in parts
    )
    payload = read_payload(io.BytesIO(data), "x")
    assert payload == b"abcd" + MAGIC_BYTES + MAGIC_BYTES + b"xyz"
    assert frame(payload) == data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"rubbish!", "no record at byte 0"),
        (struct.pack("<II", 0xCED7230A, 100) + b"short", "cut off at byte 0"),
        (struct.pack("<I", 0xCED7230A), "cut off"),
        (struct.pack("<II", 0xCED7230A, 3 << 29), "out of order"),
    ],
)
def test_damage_is_named(data: bytes, why: str) -> None:
    with pytest.raises(ManifestError, match=why):
        read_payload(io.BytesIO(data), "train.rec")


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=5), st.integers(0, 2**40), st.binary(max_size=20))
def test_headers_survive(labels: list[float], number: int, image: bytes) -> None:
    record = Record(len(labels), tuple(labels), number, image) if labels else Record(0, (3.0,), number, image)
    assert parse_record(format_record(record), "x") == record


def test_the_header_is_the_fields_own() -> None:
    """IRHeader is uint32 flag, float32 label, uint64 id, uint64 id2."""
    assert format_record(Record(0, (7.0,), 5, b"j")) == struct.pack("<IfQQ", 0, 7.0, 5, 0) + b"j"
    two = struct.pack("<IfQQ", 2, 0.0, 5, 0) + struct.pack("<ff", 7.0, 1.0) + b"j"
    assert parse_record(two, "x") == Record(2, (7.0, 1.0), 5, b"j")


def test_records_that_describe_the_pack_are_told_by_their_empty_payload() -> None:
    assert Record(2, (9.0, 11.0), 0, b"").describes_pack
    assert not Record(2, (9.0, 1.0), 1, b"jpeg").describes_pack  # [label, aligned] of face2rec2.py
    assert not Record(237, (0.0,) * 237, 0, b"jpeg").describes_pack  # packs with masks begin with an image


def test_a_pack_is_laid_out_as_insightface_reads_it(tmp_path: Path) -> None:
    with PackWriter(tmp_path) as writer:
        for label, image in ((0, b"a"), (0, b"b"), (1, b"c"), (2, b"d")):
            writer.add(image, label)
        writer.close(112, 112)
    index = dict(recordio.read_index(tmp_path / "train.idx").offsets.tolist())
    first = recordio.read_at(tmp_path / "train.rec", index[0])
    assert first.flag == 2 and first.labels == (5.0, 8.0) and not first.image
    # Readers take images 1 .. int(label[0]) - 1 and identities label[0] .. label[1] - 1.
    assert [recordio.read_at(tmp_path / "train.rec", index[key]).image for key in range(1, 5)] == [
        b"a",
        b"b",
        b"c",
        b"d",
    ]
    ranges = [recordio.read_at(tmp_path / "train.rec", index[key]).labels for key in range(5, 8)]
    assert ranges == [(1.0, 3.0), (3.0, 4.0), (4.0, 5.0)]
    assert (tmp_path / "property").read_text() == "3,112,112\n"
    for idx in (recordio.read_index(tmp_path / "train.idx"), None):
        read = [record for _, record in recordio.records(tmp_path / "train.rec", idx) if isinstance(record, Record)]
        assert len(read) == 8
        found = [(record.labels[0], record.image) for record in sorted(read, key=lambda one: one.id) if record.image]
        assert found == [(0.0, b"a"), (0.0, b"b"), (1.0, b"c"), (2.0, b"d")]


def test_classes_must_come_together(tmp_path: Path) -> None:
    with PackWriter(tmp_path) as writer, pytest.raises(ManifestError, match="class 2 follows class 0"):
        writer.add(b"a", 0)
        writer.add(b"b", 2)


def test_an_index_of_another_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes(frame(format_record(Record(0, (1.0,), 0, b"x"))))
    (tmp_path / "a.idx").write_text("0\t0\n1\t4\n")
    (_, whole), (_, reason) = recordio.records(tmp_path / "a.rec", recordio.read_index(tmp_path / "a.idx"))
    assert isinstance(whole, Record) and reason == "has no record at byte 4; is the .idx file of another .rec file?"
    (tmp_path / "a.idx").write_text("0\tzero\n1\t8\n\n2\t\u0663\n3 99999999999999999999999\n", encoding="utf-8")
    index = recordio.read_index(tmp_path / "a.idx")
    assert index.offsets.tolist() == [[1, 8]] and [number for number, _ in index.bad] == [1, 4, 5]
    with pytest.raises(ManifestError, match=r"gone\.idx cannot be read"):
        recordio.read_index(tmp_path / "gone.idx")


def test_a_damaged_record_loses_no_other_with_and_without_an_index(tmp_path: Path) -> None:
    with PackWriter(tmp_path) as writer:
        for number in range(6):
            writer.add(b"image %d" % number + b"x" * number, number)
        writer.close(112, 112)
    index = recordio.read_index(tmp_path / "train.idx")
    data = bytearray((tmp_path / "train.rec").read_bytes())
    zeroed, cut = index.offsets[2][1], index.offsets[4][1]
    data[zeroed : zeroed + 4] = bytes(4)
    data[cut + 4 : cut + 8] = struct.pack("<I", 1 << 28)
    (tmp_path / "train.rec").write_bytes(data)
    for idx in (index, None):
        found = dict(recordio.records(tmp_path / "train.rec", idx))
        whole = {record.image[:7] for record in found.values() if isinstance(record, Record) and record.image}
        assert whole == {b"image 0", b"image 2", b"image 4", b"image 5"}
        assert {offset for offset, record in found.items() if isinstance(record, str)} == {zeroed, cut}
