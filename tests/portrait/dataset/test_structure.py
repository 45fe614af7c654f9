"""Folders of data sets: every planted fault is found, and nothing else."""

import os
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from mien.data.stored_paths import stored_path
from mien.errors import AuditError
from mien.portrait.dataset.structure import list_data_set, same_name
from mien.portrait.rules.files import load_rules

STRUCTURE = load_rules("vn-portrait").structure


def make(root: Path, *places: str) -> None:
    for place in places:
        path = root / place
        if place.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")


def found(root: Path, **settings: bool) -> Counter:
    listing = list_data_set(root, STRUCTURE, **settings)
    return Counter((f.kind, f.place, *sorted(f.others)) for f in listing.findings)


def test_a_good_set_has_no_findings(tmp_path: Path) -> None:
    make(tmp_path, "adults/a/1.jpg", "adults/a/2.PNG", "children/b/1.jpeg", "adults/.DS_Store", "adults/a/Thumbs.db")
    listing = list_data_set(tmp_path, STRUCTURE)
    assert not listing.findings
    entries = {(e.path, e.subject, e.group) for e in listing.entries}
    assert entries == {
        ("adults/a/1.jpg", "adults/a", "adult"),
        ("adults/a/2.PNG", "adults/a", "adult"),
        ("children/b/1.jpeg", "children/b", "child"),
    }


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    ("adults", "children"), [("Người lớn", "Trẻ con"), ("NGUOI_LON", "tre-em"), ("Adult", "CHILD")]
)
def test_groups_are_known_by_all_their_names(tmp_path: Path, form: str, adults: str, children: str) -> None:
    make(
        tmp_path, *(f"{unicodedata.normalize(form, name)}/{who}/1.jpg" for who, name in enumerate((adults, children)))
    )
    listing = list_data_set(tmp_path, STRUCTURE)
    assert not listing.findings
    assert {e.group for e in listing.entries} == {"adult", "child"}


def test_every_fault_is_found_once_and_nothing_else(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "Hằng") for form in ("NFC", "NFD"))
    make(
        tmp_path,
        *(f"adults/ok/{i}.jpg" for i in range(3)),
        f"adults/{composed}/1.jpg",
        f"adults/{apart}/2.jpg",
        "adults/Anna/1.jpg",
        "adults/anna /2.jpg",
        "Adult/more/1.jpg",
        "children/ok/1.jpg",
        "children/c/old/2.jpg",
        "children/empty/",
        "others/x/1.jpg",
        "loose.jpg",
        "readme.md",
        "children/stray.png",
        "children/c/notes.txt",
        "children/c/.hidden/3.jpg",
    )
    twins = sorted([f"adults/{composed}", f"adults/{apart}"])
    both = found(tmp_path)
    expected = {
        ("double-group", "Adult", "adults"),
        ("twin-folder", twins[0], twins[1]),
        ("twin-folder", "adults/Anna", "adults/anna "),
        ("both-groups", "ok", "adults/ok", "children/ok"),
        ("nested-folder", "children/c/old"),
        ("empty-folder", "children/empty"),
        ("unknown-folder", "others"),
        ("loose-image", "loose.jpg"),
        ("stray-file", "readme.md"),
        ("loose-image", "children/stray.png"),
        ("stray-file", "children/c/notes.txt"),
    }
    assert both == Counter(dict.fromkeys(expected, 1))


def test_an_image_of_another_format_is_to_be_converted_not_removed(tmp_path: Path) -> None:
    for name in ("adults/a/1.jpg", "children/b/1.avif", "children/b/2.gif", "children/b/3.pgm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    for name in ("adults/a/2.jp2", "adults/a/3.CR2", "adults/a/notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    listing = list_data_set(tmp_path, load_rules("icao").structure)
    assert len(listing.entries) == 4
    said = {one.place: one.message.text("en") for one in listing.findings if one.kind == "stray-file"}
    assert said == {
        "adults/a/2.jp2": "adults/a/2.jp2 is in a format that is not read: convert it to JPEG or PNG",
        "adults/a/3.CR2": "adults/a/3.CR2 is in a format that is not read: convert it to JPEG or PNG",
        "adults/a/notes.txt": "adults/a/notes.txt is not an image: remove it",
    }


def test_twins_are_one_person(tmp_path: Path) -> None:
    make(tmp_path, "adults/Minh/1.jpg", "adults/MINH/2.jpg", "children/x/1.jpg")
    listing = list_data_set(tmp_path, STRUCTURE)
    assert len({e.subject for e in listing.entries if e.group == "adult"}) == 1


def test_folders_may_tell_the_sex(tmp_path: Path) -> None:
    make(tmp_path, "adults/Nam/a/1.jpg", "adults/nữ/b/1.jpg", "adults/c/1.jpg", "children/female/d/1.jpg")
    listing = list_data_set(tmp_path, STRUCTURE)
    sexes = {Path(e.subject).name: e.sex for e in listing.entries}
    assert sexes == {"a": "male", "b": "female", "c": "", "d": "female"}
    assert not listing.findings


def test_a_missing_group_is_told(tmp_path: Path) -> None:
    make(tmp_path, "adults/a/1.jpg")
    listing = list_data_set(tmp_path, STRUCTURE)
    assert [f.kind for f in listing.findings] == ["missing-group"]
    assert "children" in listing.findings[0].message.text("en")


def test_a_flat_set_has_people_and_no_groups(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "b/1.jpg", "B/2.jpg", "loose.jpg")
    assert found(tmp_path, flat=True) == Counter({("twin-folder", "B", "b"): 1, ("loose-image", "loose.jpg"): 1})


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ((), "is empty: lay the data set out as"),
        (("a/1.jpg", "b/1.jpg"), "2 folders with images .* audit it with --flat"),
        (("1.jpg", "2.jpg"), "holds 2 images and no folders of people: `mien check`"),
        (("x/y/z.txt",), r"has no folder of adults or children \(x\)"),
        (("adults/a/x.txt", "children/"), r"holds no images of people: .* as GROUP/IDENTITY/\*\.jpg"),
    ],
)
def test_another_structure_is_told_with_how_to_call_it(tmp_path: Path, places: tuple, said: str) -> None:
    make(tmp_path, *places)
    with pytest.raises(AuditError, match=said):
        list_data_set(tmp_path, STRUCTURE)


@pytest.mark.parametrize(("places", "said"), [(("1.jpg", "2.jpg"), "2 loose images"), (("1.jpg",), "1 loose image ")])
def test_loose_images_with_flat_are_named_with_the_layout_that_is_needed(
    tmp_path: Path, places: tuple, said: str
) -> None:
    make(tmp_path, *places)
    with pytest.raises(AuditError, match=rf"{said}.* as IDENTITY/\*\.jpg; `mien check` checks single"):
        list_data_set(tmp_path, STRUCTURE, flat=True)


def test_a_file_is_no_data_set(tmp_path: Path) -> None:
    make(tmp_path, "x.jpg")
    with pytest.raises(AuditError, match="mien check"):
        list_data_set(tmp_path / "x.jpg", STRUCTURE)


def test_names_are_compared_without_case_form_and_blanks() -> None:
    assert same_name(unicodedata.normalize("NFD", " Trẻ  CON ")) == same_name("trẻ con")
    assert same_name("Ân") != same_name("An")


def test_images_of_nested_folders_are_counted_for_their_identity(tmp_path: Path) -> None:
    make(tmp_path, "adults/a/1.jpg", "adults/a/x/2.jpg", "adults/a/x/y/3.jpg", "children/")
    listing = list_data_set(tmp_path, STRUCTURE)
    assert {(e.path, e.subject) for e in listing.entries} == {
        ("adults/a/1.jpg", "adults/a"),
        ("adults/a/x/2.jpg", "adults/a"),
        ("adults/a/x/y/3.jpg", "adults/a"),
    }
    assert [f.place for f in listing.findings if f.kind == "nested-folder"] == ["adults/a/x", "adults/a/x/y"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_images_and_people_whose_names_are_not_utf_8_have_text_that_every_table_can_hold(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/set/N\xff"))
    folder.mkdir(parents=True)
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    (entry,) = list_data_set(tmp_path / "set", STRUCTURE, flat=True).entries
    assert entry.path.encode() and entry.subject.encode()
    assert (tmp_path / "set" / stored_path(entry.path)).read_bytes() == b"x"
