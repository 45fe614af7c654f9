"""RecordIO packs as a source."""

from pathlib import Path

import pytest

from fuzz import mutants
from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest, write_manifest
from mien.data.recordio import PackWriter, Record, format_record, frame
from mien.data.sample import Problem, Sample
from mien.data.sources import recordio_pack
from mien.data.sources.registry import find_source
from mien.errors import ManifestError


def samples_of(rows: object) -> list[Sample]:
    return [row for row in rows if isinstance(row, Sample)]  # type: ignore[attr-defined]


def reasons_of(rows: object) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Problem)]  # type: ignore[attr-defined]


def test_a_recordio_pack_with_and_without_an_index(tmp_path: Path) -> None:
    with PackWriter(tmp_path) as writer:
        for label in (0, 0, 1):
            writer.add(b"jpeg", label)
        writer.close(112, 112)
    assert find_source(tmp_path).name == "recordio"
    rows = list(recordio_pack.read(tmp_path))
    assert [(s.subject, s.aligned) for s in samples_of(rows)] == [("0", True), ("0", True), ("1", True)]
    assert not reasons_of(rows)
    (tmp_path / "property").write_text("7,112,112\n")
    assert "promises 7 classes, and the pack holds 2" in reasons_of(recordio_pack.read(tmp_path))[0]
    (tmp_path / "train.idx").unlink()
    rows = list(recordio_pack.read(tmp_path / "train.rec"))
    assert len(samples_of(rows)) == 3 and "train.idx is missing" in reasons_of(rows)[0]
    path = tmp_path / "m.parquet"
    write_manifest(tabulate(samples_of(rows), tmp_path, "pack"), path)
    assert [s.record for s in read_manifest(path).samples()] == [s.record for s in samples_of(rows)]


def test_packs_whose_first_record_is_an_image(tmp_path: Path) -> None:
    """im2rec packs have no record 0, and packs with masks have a flag above 0 in every image."""
    records = [Record(0, (4.0,), 0, b"jpeg"), Record(3, (5.0, 0.1, 0.2), 1, b"jpeg")]
    offset, lines, data = 0, "", b""
    for record in records:
        lines += f"{record.id}\t{offset}\n"
        data += frame(format_record(record))
        offset = len(data)
    (tmp_path / "train.rec").write_bytes(data)
    (tmp_path / "train.idx").write_text(lines)
    assert [s.subject for s in samples_of(recordio_pack.read(tmp_path))] == ["4", "5"]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    with PackWriter(tmp_path) as writer:
        for number in range(120):
            writer.add(b"jpeg %d" % number, number // 10)
        writer.close(112, 112)
    return tmp_path


def test_one_damaged_record_of_120_loses_no_other(pack: Path) -> None:
    data = (pack / "train.rec").read_bytes()
    start = data.index(b"jpeg 57") - 32
    (pack / "train.rec").write_bytes(data[:start] + bytes(4) + data[start + 4 :])
    for _ in range(2):
        rows = list(recordio_pack.read(pack))
        assert len(samples_of(rows)) == 119
        (reason,) = [r for r in reasons_of(rows) if "missing" not in r]
        assert reason == f"has no record at byte {start}; is the .idx file of another .rec file?"
        (pack / "train.idx").unlink(missing_ok=True)


def test_an_index_that_is_short_does_not_pass_for_whole(pack: Path) -> None:
    lines = (pack / "train.idx").read_text().splitlines(keepends=True)
    for left_out, images in ((-1, 120), (57, 119)):
        kept = [line for place, line in enumerate(lines) if place != left_out % len(lines)]
        (pack / "train.idx").write_text("".join(kept))
        rows = list(recordio_pack.read(pack))
        assert len(samples_of(rows)) == images
        (reason,) = reasons_of(rows)
        assert f"promises 120 images in 133 records, and {images} images in 132 records are named" in reason
        assert "remove train.idx to read the pack from its start to its end" in reason


@pytest.mark.parametrize("label", [float("nan"), float("inf"), -1.0, 0.5])
def test_a_label_that_is_no_class_is_named_and_loses_no_other(tmp_path: Path, label: float) -> None:
    records = [Record(0, (value,), number, b"jpeg") for number, value in enumerate((3.0, label, 4.0))]
    (tmp_path / "train.rec").write_bytes(b"".join(frame(format_record(record)) for record in records))
    rows = list(recordio_pack.read(tmp_path))
    assert [s.subject for s in samples_of(rows)] == ["3", "4"]
    assert reasons_of(rows)[1] == f"the label {label:g} is not a class number"


def test_damaged_packs_are_read_or_named_and_lose_nothing_that_is_whole(pack: Path) -> None:
    rec, idx = (pack / "train.rec").read_bytes(), (pack / "train.idx").read_bytes()
    for file, data in (("train.rec", rec), ("train.idx", idx)):
        for copy in mutants(data, 60, seed=15):
            (pack / "train.rec").write_bytes(rec)
            (pack / "train.idx").write_bytes(idx)
            (pack / file).write_bytes(copy)
            try:
                rows = list(recordio_pack.read(pack))
            except ManifestError as fault:
                assert "train." in str(fault)
                continue
            whole = len(samples_of(rows)) == 120 and {s.subject for s in samples_of(rows)} == {
                str(n) for n in range(12)
            }
            assert whole or reasons_of(rows), "damage is not accepted in silence"
