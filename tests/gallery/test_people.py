"""Who is enrolled, and erasing somebody by a name as it was typed."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import SubjectNotFoundError
from mien.gallery.people import list_subjects, remove_subject
from mien.gallery.records import Identity, NewTemplate
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
    assert remove_subject(path, f"  {unicodedata.normalize('NFD', name)}") == 1
    assert [row.name for row in list_subjects(path).subjects] == ["An"]
    with pytest.raises(SubjectNotFoundError, match="has no subject 'Nobody'"):
        remove_subject(path, "Nobody")
