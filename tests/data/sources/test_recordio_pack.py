"""RecordIO packs as a source."""

from pathlib import Path

from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest, write_manifest
from mien.data.recordio import PackWriter, Record, format_record, frame
from mien.data.sample import Problem, Sample
from mien.data.sources import recordio_pack
from mien.data.sources.registry import find_source


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
