"""Tables with columns of any name."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from mien.data.manifest import tabulate
from mien.data.manifest_io import write_manifest
from mien.data.sample import Problem, Sample
from mien.data.sources import table
from mien.errors import ManifestError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def samples_of(rows: object) -> list[Sample]:
    return [row for row in rows if isinstance(row, Sample)]  # type: ignore[attr-defined]


def reasons_of(rows: object) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Problem)]  # type: ignore[attr-defined]


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


def test_a_manifest_that_mien_wrote_is_imported_letter_by_letter(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    names = ["=SUM(1)", "-An", "NA"]
    samples = [Sample(tmp_path / f"{number}.jpg", name) for number, name in enumerate(names, start=1)]
    write_manifest(tabulate(samples, tmp_path, "x"), tmp_path / "m.csv")
    assert [s.subject for s in samples_of(table.read(tmp_path / "m.csv"))] == names
