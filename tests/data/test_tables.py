"""Tables as spreadsheets and programs write them."""

from pathlib import Path

import pyarrow as pa
import pytest

from fuzz import mutants
from mien.data.tables import read_parquet, read_table, write_parquet
from mien.errors import ManifestError

TEXT = "path,subject\r\n1.jpg,Nguyễn Văn An\r\n2.jpg,Trần Thị B\r\n"
ROWS = [{"path": "1.jpg", "subject": "Nguyễn Văn An"}, {"path": "2.jpg", "subject": "Trần Thị B"}]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode(),
        TEXT.encode("utf-16"),
        TEXT.replace(",", "\t").encode("utf-16-le"),
        b"sep=;\n" + TEXT.replace(",", ";").encode(),
        TEXT.replace("path,subject", '"path" , "subject"').encode(),
        TEXT.replace("1.jpg", '"1.jpg"').encode(),
        TEXT.encode() + b",\r\n\r\n",
    ],
)
def test_tables_of_spreadsheets_are_one_table(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    file = read_table(tmp_path / "t.csv")
    assert file.table.to_pylist() == ROWS and not file.problems


@pytest.mark.parametrize("encoding", ["cp1252", "cp1258", "shift_jis"])
def test_another_encoding_is_named_with_its_line_and_the_remedy(tmp_path: Path, encoding: str) -> None:
    name = {"cp1252": "José", "cp1258": "Trâ\u0300n", "shift_jis": "田中"}[encoding]
    (tmp_path / "t.csv").write_bytes(f"path,subject\n1.jpg,An\n2.jpg,{name}\n".encode(encoding))
    with pytest.raises(ManifestError, match=r"t\.csv, line 3: its text is not UTF-8; save it again as 'CSV UTF-8'"):
        read_table(tmp_path / "t.csv")


def test_a_short_and_a_long_row_lose_no_other_row(tmp_path: Path) -> None:
    text = 'sep=;\npath;subject\n1.jpg;An\n\n2.jpg\n"3\n.jpg";Bo\n;\n4.jpg;C;D\n5.jpg;NA\n'
    (tmp_path / "t.csv").write_text(text)
    file = read_table(tmp_path / "t.csv")
    assert file.table.column("subject").to_pylist() == ["An", "Bo", "NA"]
    assert file.numbers.tolist() == [3, 6, 9]
    assert [(p.where, p.reason) for p in file.problems] == [
        (f"{tmp_path}/t.csv, row 5", "has 1 fields, not the 2 of the header: '2.jpg'"),
        (f"{tmp_path}/t.csv, row 8", "has 3 fields, not the 2 of the header: '4.jpg;C;D'"),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "is empty"), ("\n1,2\n", "is empty, or its first line is"), ("a,b,a\n1,2,3\n", "two columns called 'a'")],
)
def test_what_has_no_header_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ManifestError, match=why):
        read_table(tmp_path / "t.csv")


def test_a_changed_byte_of_a_parquet_table_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_parquet(pa.table({"path": [f"{n}.jpg" for n in range(50)]}), path, use_dictionary=False, compression="none")
    assert len(read_parquet(path)) == 50
    data = path.read_bytes()
    path.write_bytes(data.replace(b"7.jpg", b"8.jpg", 1))
    with pytest.raises(ManifestError, match=r"t\.parquet is not a Parquet table, or is damaged"):
        read_parquet(path)


def test_damaged_tables_are_refused_by_name_or_right(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"path": [f"{n}.jpg" for n in range(64)], "subject": [f"Bình {n % 7}" for n in range(64)]})
    write_parquet(table, path)
    for copy in mutants(path.read_bytes(), 150, seed=15):
        path.write_bytes(copy)
        try:
            found = read_parquet(path, ["path", "subject"])
        except ManifestError as fault:
            assert "t.parquet" in str(fault)
        else:
            assert found.column("path").to_pylist() == table.column("path").to_pylist()
            assert found.column("subject").to_pylist() == table.column("subject").to_pylist()


def test_damaged_csv_is_refused_by_name_or_its_rows_are(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    text = "path,subject,x1\n" + "".join(f"{n}.jpg,Bình {n % 7},{n}\n" for n in range(64))
    for copy in mutants(text.encode(), 150, seed=15):
        path.write_bytes(copy)
        try:
            file = read_table(path)
        except ManifestError as fault:
            assert "t.csv" in str(fault)
        else:
            assert len(file.numbers) == len(file.table)
