"""A subject is found by what a person calls it: its name in any form, or its id."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import GalleryError, SubjectNotFoundError
from mien.gallery.names import find_subject
from mien.gallery.profiles import Profile
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.stores import create_store


def test_a_name_goes_before_an_id_and_an_ambiguous_name_is_answered_with_the_ids(
    tmp_path: Path, identity: Identity, template: Callable[[str, int], NewTemplate]
) -> None:
    store = create_store(tmp_path / "people.gallery", identity)
    store.add([template("Nguyễn Hồng", 1)])
    hong = store.find("Nguyễn Hồng")[0]
    assert find_subject(store, f" {unicodedata.normalize('NFD', 'Nguyễn Hồng')} ").id == hong.id
    assert find_subject(store, hong.id).id == hong.id
    called = store.create_subject(Profile(hong.id))
    assert find_subject(store, hong.id).id == called.id, "somebody may be called like an id"
    twins = [store.create_subject(Profile("An")) for _ in range(2)]
    with pytest.raises(GalleryError, match=f"2 subjects called 'An'.*{twins[0].id}, {twins[1].id}"):
        find_subject(store, "An")
    with pytest.raises(SubjectNotFoundError, match="no subject 'Nobody'; see `mien subjects"):
        find_subject(store, "Nobody")
