"""Folders of subjects and manifests."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from mien.errors import ManifestError
from mien.data.manifest import Sample, read_samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Bình/2.jpg", "Bình/1.png", "An/x/deep.webp", "An/notes.txt", ".cache/z.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_a_folder_of_subjects(folder: Path) -> None:
    assert read_samples(folder) == [
        Sample(folder / "An/x/deep.webp", "An"),
        Sample(folder / "Bình/1.png", "Bình"),
        Sample(folder / "Bình/2.jpg", "Bình"),
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_manifest_in_both_forms(folder: Path, kind: str) -> None:
    table = {"subject": ["Bình", "0042"], "path": ["Bình/1.png", "An/x/deep.webp"], "age": [3, 4]}
    path = folder / f"people.{kind}"
    if kind == "csv":
        path.write_text("subject,age,path\nBình,3,Bình/1.png\n0042,4,An/x/deep.webp\n")
    else:
        pyarrow.parquet.write_table(pa.table(table), path)
    assert read_samples(path) == [Sample(folder / "An/x/deep.webp", "0042"), Sample(folder / "Bình/1.png", "Bình")]


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="does not exist"):
        read_samples(tmp_path / "missing")
    with pytest.raises(ManifestError, match="it holds no images"):
        read_samples(tmp_path)
    (tmp_path / "loose.jpg").write_bytes(b"x")
    with pytest.raises(ManifestError, match="1 images lie in it directly"):
        read_samples(tmp_path)
    for name, text in {"a.csv": "name,file\nx,y\n", "b.csv": "", "c.parquet": "rubbish", "d.jpg": "\0\1"}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(ManifestError, match="is no manifest"):
            read_samples(tmp_path / name)
    (tmp_path / "e.csv").write_text("path,subject\na.jpg,An\nb.jpg,\n")
    with pytest.raises(ManifestError, match=r"e\.csv, row 3: path and subject"):
        read_samples(tmp_path / "e.csv")
