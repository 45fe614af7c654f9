"""The folders of people, as every verb reads them."""

import unicodedata
from pathlib import Path

import pytest

from mien.data.layout import USUAL_NAMES, is_grouped, read_layout, same_name, unusable
from mien.portrait.rules.files import load_rules


def make(root: Path, *places: str) -> None:
    for place in places:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(b"x")


def people(root: Path) -> list[tuple[str, str, str, int]]:
    return [(one.name, one.group, one.sex, len(one.images)) for one in read_layout(root).people]


def test_the_names_of_groups_are_those_of_the_audits_rules() -> None:
    structure = load_rules("vn-portrait").structure
    for name in ("adults", "children", "male", "female"):
        assert set(getattr(structure, name)) == set(getattr(USUAL_NAMES, name))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("names", [("Người lớn", "Trẻ con"), ("NGUOI_LON", "tre-em"), ("Adult", "CHILD")])
def test_groups_are_known_by_all_their_names(tmp_path: Path, form: str, names: tuple[str, str]) -> None:
    make(tmp_path, *(f"{unicodedata.normalize(form, name)}/{who}/1.jpg" for who, name in enumerate(names)))
    assert is_grouped(tmp_path)
    assert people(tmp_path) == [("0", "adult", "", 1), ("1", "child", "", 1)]


def test_one_group_alone_is_a_group_and_a_person_called_child_is_not(tmp_path: Path) -> None:
    make(tmp_path, "a/adults/An/1.jpg", "b/Child/1.jpg", "b/An/1.jpg", "c/An/1.jpg")
    assert [is_grouped(tmp_path / name) for name in "abc"] == [True, False, False]
    assert people(tmp_path / "b") == [("An", "", "", 1), ("Child", "", "", 1)]


def test_everything_out_of_place_is_named_and_counted(tmp_path: Path) -> None:
    make(tmp_path, "adults/An/1.jpg", "adults/An/x/2.jpg", "adult/Bo/1.jpg", "children/An/1.jpg", "teens/C/1.jpg")
    make(tmp_path, "loose.jpg", "readme.md", "children/stray.png", "children/An/notes.txt")
    (tmp_path / "adults" / "Empty").mkdir()
    found = {(odd.kind, odd.place) for odd in read_layout(tmp_path).oddities}
    assert found == {
        ("double-group", "adult"),
        ("unknown-folder", "teens"),
        ("loose-image", "loose.jpg"),
        ("stray-file", "readme.md"),
        ("loose-image", "children/stray.png"),
        ("stray-file", "children/An/notes.txt"),
        ("empty-folder", "adults/Empty"),
        ("nested-folder", "adults/An/x"),
    }
    left_out = dict(unusable(read_layout(tmp_path)))
    assert left_out[tmp_path / "children/An"] == "the identity An is under adults and under children"
    assert len(left_out) == 6, "notes, nested folders and readme.md do no harm"


def test_links_are_followed_once_and_loops_are_named(tmp_path: Path) -> None:
    make(tmp_path, "set/An/1.jpg", "elsewhere/2.jpg")
    (tmp_path / "set/An/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/An/loop").symlink_to(tmp_path / "set")
    (tmp_path / "set/An/gone.jpg").symlink_to(tmp_path / "gone.jpg")
    layout = read_layout(tmp_path / "set")
    assert layout.people[0].images == ("An/1.jpg", "An/gone.jpg", "An/more/2.jpg")
    assert [(odd.place, odd.others) for odd in layout.oddities if odd.kind == "repeated-folder"] == [
        ("An/loop", (".",))
    ]


def test_names_are_compared_without_case_form_and_blanks() -> None:
    assert same_name(unicodedata.normalize("NFD", " Trẻ  CON ")) == same_name("trẻ con")
    assert same_name("Ân") != same_name("An")
