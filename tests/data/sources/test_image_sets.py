"""DeepGlint, RecordIO packs, image lists, folders, tables: each in its own format."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest, write_manifest
from mien.data.recordio import PackWriter, Record, format_record, frame
from mien.data.sample import Problem, Sample
from mien.data.sources import deepglint, folders, image_list, portraits, recordio_pack, table, vn_celeb
from mien.data.sources.registry import find_source
from mien.errors import ManifestError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def samples_of(rows: object) -> list[Sample]:
    return [row for row in rows if isinstance(row, Sample)]  # type: ignore[attr-defined]


def reasons_of(rows: object) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Problem)]  # type: ignore[attr-defined]


def test_deepglint_points_are_interleaved_and_parts_do_not_meet(tmp_path: Path) -> None:
    touch(tmp_path, "msra/m.01/1.jpg", "celebrity/x/2.jpg")
    points = "30.5 51.7 65.5 51.5 48.0 71.7 33.5 92.4 62.7 92.2"
    (tmp_path / "msra_lmk").write_text(
        f"m.01/1.jpg 0 {points}\nm.01/gone.jpg 0 {points}\nm.01/1.jpg {points}\n"
        f"m.01/1.jpg 0 1\nm.01/1.jpg 0 x {points[5:]}\n"
    )
    (tmp_path / "celebrity_lmk.txt").write_text(f"x/2.jpg 0 {points}\n")
    assert find_source(tmp_path).name == "deepglint"
    rows = list(deepglint.read(tmp_path))
    first, second = sorted(samples_of(rows), key=lambda sample: sample.subject)
    assert (first.subject, second.subject) == ("celebrity-0", "msra-0"), "the labels of the two parts overlap"
    assert second.path == tmp_path / "msra/m.01/1.jpg" and second.landmarks is not None
    np.testing.assert_allclose(second.landmarks[2], [48.0, 71.7])
    why = reasons_of(rows)
    assert len(why) == 4 and "gone.jpg is missing" in why[0] and "a test list's" in why[1]
    assert "has 3 fields" in why[2] and "should be numbers" in why[3]


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


def test_image_lists_with_boxes_and_points(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    points = [*range(1, 6), *range(11, 16)]
    (tmp_path / "train.lst").write_text(
        "1\ta.jpg\t0\n0\tb.jpg\t1\t10\t20\t30\t40\n"
        + "0\tc.jpg\t1\t0\t0\t0\t0\t"
        + "\t".join(map(str, points))
        + "\n0 a.jpg 1\n1\tgone.jpg\t2\n"
    )
    assert find_source(tmp_path).name == "lst"
    rows = list(image_list.read(tmp_path))
    a, b, c = samples_of(rows)
    assert a.aligned and not b.aligned and b.box is not None and b.box.x2 == 30
    assert c.box is None and c.landmarks is not None
    np.testing.assert_array_equal(c.landmarks, [[n, n + 10] for n in range(1, 6)])
    assert len(reasons_of(rows)) == 2


def test_folders_of_subjects(tmp_path: Path) -> None:
    touch(tmp_path, "Bình/1.jpg", "Bình/deep/2.png", "An/notes.txt", "loose.jpg")
    rows = list(folders.read(tmp_path))
    assert [(s.subject, s.path.name) for s in samples_of(rows)] == [("Bình", "1.jpg"), ("Bình", "2.png")]
    assert reasons_of(rows) == ["the folder holds no images", "lies in no subject's folder"]


def test_numbered_folders_sort_as_numbers(tmp_path: Path) -> None:
    touch(tmp_path, "10/0.png", "9/0.png", "9/1.png")
    assert find_source(tmp_path).name == "vn-celeb"
    assert [s.subject for s in samples_of(vn_celeb.read(tmp_path))] == ["vn-celeb-9", "vn-celeb-9", "vn-celeb-10"]


def test_adults_and_children(tmp_path: Path) -> None:
    touch(tmp_path, "adults/An/1.jpg", "children/Bo/1.jpg", "children/An/2.jpg", "teens/C/1.jpg")
    (tmp_path / "adults" / "Empty").mkdir()
    assert find_source(tmp_path).name == "portraits"
    rows = list(portraits.read(tmp_path))
    assert [(s.subject, s.known["age_group"]) for s in samples_of(rows)] == [
        ("An", "adult"),
        ("An", "child"),
        ("Bo", "child"),
    ]
    why = reasons_of(rows)
    assert len(why) == 3 and any("under adults and under children" in reason for reason in why)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_with_columns_of_any_name(tmp_path: Path, kind: str) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    values = {"file": ["a.jpg", "b.jpg", "gone.jpg", ""], "who": ["0042", "7", "7", "7"], "x1": ["1", "", "", ""]}
    values |= {"y1": ["2", "", "", ""], "x2": ["3", "", "", ""], "y2": ["4", "", "", ""], "sex": ["f", "m", "m", "m"]}
    path = tmp_path / f"people.{kind}"
    if kind == "csv":
        rows = zip(*values.values(), strict=True)
        path.write_text(",".join(values) + "\n" + "".join(",".join(row) + "\n" for row in rows))
    else:
        pyarrow.parquet.write_table(pa.table(values), path)
    rows = list(table.read(path, {"path": "file", "subject": "who"}))
    first, second = samples_of(rows)
    assert first.subject == "0042", "a name of digits keeps its zeros"
    assert first.box is not None and first.box.y2 == 4 and second.box is None and first.known == {"sex": "f"}
    assert len(reasons_of(rows)) == 2
    with pytest.raises(ManifestError, match="--column path=NAME"):
        list(table.read(path))
    with pytest.raises(ManifestError, match="no column 'name' for subject; it has file, who"):
        list(table.read(path, {"subject": "name"}))
