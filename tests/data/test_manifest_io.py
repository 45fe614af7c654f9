"""Folders of subjects and manifests."""

import codecs
import csv
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.manifest import Manifest, tabulate
from mien.data.manifest_io import read_manifest, read_samples, without_clashes, write_manifest
from mien.data.sample import Problem, Sample
from mien.errors import ManifestError
from mien.types import Box, floats


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Bình/2.jpg", "Bình/1.png", "An/x/deep.webp", "An/notes.txt", ".cache/z.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_a_folder_of_subjects(folder: Path) -> None:
    assert [(sample.path, sample.subject) for sample in read_samples(folder)] == [
        (folder / "An/x/deep.webp", "An"),
        (folder / "Bình/1.png", "Bình"),
        (folder / "Bình/2.jpg", "Bình"),
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_manifest_in_both_forms(folder: Path, kind: str) -> None:
    table = {"subject": ["Bình", "0042"], "path": ["Bình/1.png", "An/x/deep.webp"], "age": [3, 4]}
    path = folder / f"people.{kind}"
    if kind == "csv":
        path.write_text("subject,age,path\nBình,3,Bình/1.png\n0042,4,An/x/deep.webp\n")
    else:
        pyarrow.parquet.write_table(pa.table(table), path)
    first, second = read_samples(path)
    assert (first.path, first.subject, first.known) == (folder / "An/x/deep.webp", "0042", {"age": 4})
    assert (second.path, second.subject) == (folder / "Bình/1.png", "Bình")


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="does not exist"):
        read_samples(tmp_path / "missing")
    with pytest.raises(ManifestError, match="it holds no images"):
        read_samples(tmp_path)
    (tmp_path / "loose.jpg").write_bytes(b"x")
    with pytest.raises(ManifestError, match="1 images are directly in it"):
        read_samples(tmp_path)
    for name, text in {"a.csv": "name,file\nx,y\n", "b.csv": "", "c.parquet": "rubbish", "d.jpg": "\0\1"}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(ManifestError, match="is not a manifest"):
            read_samples(tmp_path / name)
    (tmp_path / "e.csv").write_text("path,subject\na.jpg,An\nb.jpg,\n")
    with pytest.raises(ManifestError, match=r"e\.csv, row 3: path and subject"):
        read_samples(tmp_path / "e.csv")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_everything_that_is_known_survives(tmp_path: Path, kind: str) -> None:
    points = floats([[1.5, 2], [3, 4], [5, 6], [7, 8], [9, 10.25]])
    whole = Sample(
        tmp_path / "a.jpg", "An, Bình", box=Box(1, 2, 3.5, 4), landmarks=points, known={"sex": "f", "split": "train"}
    )
    bare = Sample(Path("/elsewhere/b.rec"), "7", record=48, aligned=True)
    path = tmp_path / "deep" / f"m.{kind}"
    write_manifest(tabulate([whole, bare], tmp_path, "x"), path)
    one, two = read_manifest(path).samples()
    assert (one.path.resolve(), one.subject, one.box) == (whole.path, whole.subject, whole.box)
    assert one.landmarks is not None and (one.landmarks == points).all() and not one.aligned
    assert one.known == whole.known
    assert (two.path, two.record, two.aligned, two.box, two.landmarks) == (bare.path, 48, True, None, None)


def test_paths_below_the_manifest_are_relative_so_that_a_folder_can_be_moved(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_manifest(
        tabulate([Sample(tmp_path / "set" / "An" / "1.jpg", "An")], tmp_path, "x"), tmp_path / "set" / "m.csv"
    )
    assert "An/1.jpg" in (tmp_path / "set" / "m.csv").read_text()
    (tmp_path / "set").rename(tmp_path / "moved")
    assert next(read_manifest(tmp_path / "moved" / "m.csv").samples()).path == tmp_path / "moved" / "An" / "1.jpg"


def test_one_photograph_under_two_people_is_refused_by_its_rows(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,subject\na.jpg,An\nb.jpg,Bo\na.jpg,Bo\n")
    with pytest.raises(ManifestError, match=r"m\.csv, row 4: a\.jpg belongs to Bo here and to An in row 2"):
        read_manifest(tmp_path / "m.csv")


def test_columns_that_are_missing_or_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("file,who\na.jpg,An\n")
    with pytest.raises(ManifestError, match="lacks the column path and subject; it has file, who"):
        read_manifest(tmp_path / "m.csv")
    (tmp_path / "n.csv").write_text("path,subject,x1\na.jpg,An,left\n")
    with pytest.raises(ManifestError, match=r"n\.csv, row 2: x1: should be a number, not 'left'"):
        read_manifest(tmp_path / "n.csv")
    with pytest.raises(ManifestError, match=r"ends in \.csv or \.parquet"):
        write_manifest(Manifest(pa.table({"path": ["a"], "subject": ["b"]}), tmp_path, "x"), tmp_path / "m.txt")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_age_groups_are_not_taken_for_subjects(tmp_path: Path, form: str) -> None:
    for name in ("Người lớn/An/1.jpg", "trẻ con/Bo/1.jpg", "loose.jpg"):
        place = tmp_path / unicodedata.normalize(form, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"x")
    found = [(s.subject, s.known["age_group"]) for s in read_manifest(tmp_path).samples()]
    assert found == [("An", "adult"), ("Bo", "child")]
    problems: list[Problem] = []
    read_manifest(tmp_path, problems.append)
    assert [problem.reason for problem in problems] == ["is not in a subject's folder"]


def test_rubbish_is_not_printed_back(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"a\n\xff\x00\x9f,\x82\n")
    with pytest.raises(ManifestError, match=r"is not a manifest.*line 2: its text is not UTF-8; [ -~]*$"):
        read_manifest(tmp_path / "m.csv")


def test_names_that_are_no_utf8_are_stored_and_found_again(tmp_path: Path) -> None:
    import os

    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/An/\xff%.jpg"))
    write_manifest(tabulate([Sample(path, os.fsdecode(b"B\xecnh"))], tmp_path, "x"), tmp_path / "m.csv")
    (sample,) = read_manifest(tmp_path / "m.csv").samples()
    assert sample.path == path and sample.subject == "B\\udcecnh"


def test_a_manifest_is_text_in_a_spreadsheet_and_comes_back_letter_by_letter(tmp_path: Path) -> None:
    names = ["=cmd|' /C calc'!A0", "+84", "-x", "@An", "'=An", "'An", "Nguyễn Văn Ân", "＝1"]
    samples = [Sample(tmp_path / f"{number}.jpg", name) for number, name in enumerate(names)]
    samples.append(Sample(tmp_path / "=odd" / "1.jpg", "An"))
    write_manifest(tabulate(samples, tmp_path, "m"), tmp_path / "m.csv")
    data = (tmp_path / "m.csv").read_bytes()
    assert data.startswith(codecs.BOM_UTF8)
    with (tmp_path / "m.csv").open(encoding="utf-8-sig", newline="") as stream:
        cells = [cell for row in csv.DictReader(stream) for cell in (row["path"], row["subject"])]
    assert not any(cell.startswith(tuple("=+-@＝")) for cell in cells)
    found = read_manifest(tmp_path / "m.csv")
    assert found.subjects == [*names, "An"]
    assert [sample.path for sample in found.samples()] == [sample.path for sample in samples]


FILES, RECORDS = st.sampled_from(["a.rec", "b.rec", "c.rec"]), st.none() | st.integers(0, 2**40)


@given(rows=st.lists(st.tuples(FILES, RECORDS, st.sampled_from("xy")), min_size=1, max_size=20))
def test_an_image_under_two_subjects_is_found_whether_it_is_a_file_or_a_record(
    rows: list[tuple[str, int | None, str]],
) -> None:
    manifest = tabulate((Sample(Path(p), s, record=r) for p, r, s in rows), Path(), "made")
    kept, problems = without_clashes(manifest)
    owners: dict[tuple[str, int | None], set[str]] = {}
    for path, record, subject in rows:
        owners.setdefault((path, record), set()).add(subject)
    clashing = sum(len(owners[path, record]) > 1 for path, record, _ in rows)
    assert len(problems) == clashing and len(kept) == len(rows) - clashing


def test_records_too_far_apart_to_be_numbered_are_compared_too() -> None:
    rows = [("a.rec", 2**62, "x"), ("b.rec", 2**62, "x"), ("a.rec", 2**62, "y"), ("c.rec", 0, "x")]
    manifest = tabulate((Sample(Path(p), s, record=r) for p, r, s in rows), Path(), "made")
    kept, problems = without_clashes(manifest)
    assert [len(kept), len(problems)] == [2, 2]
