"""Who is enrolled, and erasing somebody by a name as it was typed."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import GalleryError, SubjectNotFoundError
from mien.gallery.people import list_subjects, merge_subjects, remove_subject, rename_subject
from mien.gallery.records import Erasure, Identity, NewTemplate
from mien.gallery.stores import create_store


def test_a_subject_is_removed_by_its_name_in_any_normal_form(
    tmp_path: Path, identity: Identity, template: Callable[[str, int], NewTemplate]
) -> None:
    name, path = unicodedata.normalize("NFC", "Nguyễn Hồng"), tmp_path / "people.gallery"
    store = create_store(path, identity)
    store.add([template(name, 1), template("An", 2)])
    store.close()
    enrolled = list_subjects(path)
    assert [row.name for row in enrolled.subjects] == ["An", name] and enrolled.identity == identity
    assert remove_subject(path, f"  {unicodedata.normalize('NFD', name)}") == Erasure(1, "none", "emptied")
    assert [row.name for row in list_subjects(path).subjects] == ["An"]
    with pytest.raises(SubjectNotFoundError, match="has no subject 'Nobody'"):
        remove_subject(path, "Nobody")


def test_names_are_changed_and_merged_as_they_were_typed(
    tmp_path: Path, identity: Identity, template: Callable[[str, int], NewTemplate]
) -> None:
    path = tmp_path / "people.gallery"
    store = create_store(path, identity)
    store.add([template("Nguyễn Hồng", 1), template("An", 2)])
    store.close()
    rename_subject(path, unicodedata.normalize("NFD", "Nguyễn Hồng"), unicodedata.normalize("NFD", " Nguyễn Hoà "))
    assert [row.name for row in list_subjects(path).subjects] == ["An", unicodedata.normalize("NFC", "Nguyễn Hoà")]
    assert merge_subjects(path, unicodedata.normalize("NFD", "Nguyễn Hoà"), "An ") == 1
    assert [(row.name, row.templates) for row in list_subjects(path).subjects] == [("An", 2)]
    with pytest.raises(GalleryError, match="needs a name that is not empty"):
        rename_subject(path, "An", "  ")
    with pytest.raises(SubjectNotFoundError, match="has no subject 'Nobody'"):
        merge_subjects(path, "An", "Nobody")
    store = create_store(path, identity)
    store.add([template("Chi", 3)])
    an = store.find("An")[0]
    with pytest.raises(GalleryError, match="has a subject 'Chi' already; `mien merge"):
        rename_subject(path, "An", "Chi")
    rename_subject(path, an.id, "Chi Mai")
    assert store.subject(an.id).name == "Chi Mai", "an id does for a name"
