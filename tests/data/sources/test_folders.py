"""Folders of subjects."""

import unicodedata
from pathlib import Path

import pytest

from mien.data.sample import Problem, Sample
from mien.data.sources import folders
from mien.data.sources.registry import find_source


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def samples_of(rows: object) -> list[Sample]:
    return [row for row in rows if isinstance(row, Sample)]  # type: ignore[attr-defined]


def reasons_of(rows: object) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Problem)]  # type: ignore[attr-defined]


def test_folders_of_subjects(tmp_path: Path) -> None:
    touch(tmp_path, "Bình/1.jpg", "Bình/deep/2.png", "An/notes.txt", "loose.jpg")
    rows = list(folders.read(tmp_path))
    assert [(s.subject, s.path.name) for s in samples_of(rows)] == [("Bình", "1.jpg"), ("Bình", "2.png")]
    assert reasons_of(rows) == ["the folder holds no images", "is not in a subject's folder"]


def test_adults_and_children(tmp_path: Path) -> None:
    touch(tmp_path, "adults/An/1.jpg", "children/Bo/1.jpg", "children/An/2.jpg", "teens/C/1.jpg")
    (tmp_path / "adults" / "Empty").mkdir()
    assert find_source(tmp_path).name == "portraits"
    rows = list(folders.read_groups(tmp_path))
    assert [(s.subject, s.known["age_group"]) for s in samples_of(rows)] == [
        ("An", "adult"),
        ("An", "child"),
        ("Bo", "child"),
    ]
    why = reasons_of(rows)
    assert len(why) == 3 and any("under adults and under children" in reason for reason in why)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_vietnamese_age_folders_are_not_two_subjects(tmp_path: Path, form: str) -> None:
    for name in ("Người lớn/nữ/Nguyễn Thị An/1.jpg", "Người lớn/Nam/ảnh.jpg", "trẻ_con/Bình/1.jpg"):
        touch(tmp_path, unicodedata.normalize(form, name))
    assert find_source(tmp_path).name == "portraits"
    samples = samples_of(folders.read_groups(tmp_path))
    assert [(s.subject, dict(s.known)) for s in samples] == [
        ("Nam", {"age_group": "adult"}),
        ("Nguyễn Thị An", {"age_group": "adult", "sex": "female"}),
        ("Bình", {"age_group": "child"}),
    ], "Nam with an image in it is a person; nữ without one is a sex"


def test_people_named_like_lfw_in_age_folders_keep_the_children(tmp_path: Path) -> None:
    touch(tmp_path, "adults/An/An_0001.jpg", "children/Bo/Bo_0001.jpg")
    assert find_source(tmp_path).name == "portraits"
    touch(tmp_path, "staff/a/An/An_0001.jpg", "staff/b/Bo/Bo_0001.jpg")
    assert find_source(tmp_path / "staff").name == "folders"


def test_a_format_that_renames_subjects_is_never_guessed(tmp_path: Path) -> None:
    touch(tmp_path, "001090012345/0.png", "1090012345/0.png")
    assert find_source(tmp_path).name == "folders"
    assert [s.subject for s in samples_of(folders.read(tmp_path))] == ["001090012345", "1090012345"]
    touch(tmp_path, "b/Le_An/Le_An_1.jpg", "b/Le An/Le An_1.jpg")
    assert find_source(tmp_path / "b").name == "folders"
    assert {s.subject for s in samples_of(folders.read(tmp_path / "b"))} == {"Le_An", "Le An"}


def test_what_systems_leave_in_folders_is_nobody(tmp_path: Path) -> None:
    touch(tmp_path, "@eaDir/An/1.jpg", "__MACOSX/1.jpg", "An/1.jpg", "An/Thumbs.db")
    rows = list(folders.read(tmp_path))
    assert len(rows) == len(samples_of(rows)) == 1
