"""Every store keeps the promises of the protocol. One suite: a new store is one more parameter of `store`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.data.sample import Sample
from mien.errors import ContractError, GalleryError, SubjectNotFoundError
from mien.gallery.gallery import Gallery
from mien.gallery.records import Identity, KeptDoubt, NewTemplate
from mien.gallery.stores import STORES, create_store, is_missing, open_store
from mien.gallery.stores.base import Store
from mien.gallery.stores.sqlite import SqliteStore

Make = Callable[[str, int], NewTemplate]


@pytest.fixture(params=["sqlite", "memory"])
def address(request: pytest.FixtureRequest, tmp_path: Path, memory_store: type) -> str:
    assert STORES["memory"] is memory_store
    return {"sqlite": str(tmp_path / "people.gallery"), "memory": "memory://people"}[request.param]


@pytest.fixture
def store(address: str, identity: Identity) -> Store:
    return create_store(address, identity)


def listed(store: Store) -> list[tuple[str, int]]:
    return [(row.name, row.templates) for row in store.subjects()]


def test_a_new_store_is_empty_and_can_be_opened_again(store: Store, address: str, identity: Identity) -> None:
    assert store.address == address and store.identity == store.current_identity() == identity
    assert store.count() == 0 and store.subjects() == [] and list(store.portraits()) == []
    assert store.read_kept("thresholds") is None and not is_missing(address)
    assert open_store(address).identity == create_store(address, identity).identity == identity


def test_a_missing_gallery_is_not_made_by_opening_it(address: str) -> None:
    for _ in range(2):
        assert is_missing(address)
        with pytest.raises(GalleryError, match="there is no gallery"):
            open_store(address)


def test_another_models_gallery_is_refused_with_the_command(store: Store, address: str) -> None:
    with pytest.raises(ContractError, match=rf"mien reenrol {address} --recognizer model-b"):
        create_store(address, Identity("contract-b", "model-b", "cosine", 16))


def test_what_is_added_can_be_read_again(store: Store, address: str, template: Make) -> None:
    new = [template("An", 1), template("An", 2), template("Bình", 3)]
    ids = store.add(new)
    again = open_store(address)
    assert len(set(ids)) == 3 and ids == sorted(ids)
    assert listed(again) == [("An", 2), ("Bình", 1)] and again.count() == 3
    assert all(0 < row.enrolled < 1e11 for row in again.subjects())
    swapped = np.array([ids[2], ids[0]])
    assert np.array_equal(again.embeddings(swapped), np.stack([new[2].embedding, new[0].embedding]))
    assert again.owners(swapped) == {ids[2]: "Bình", ids[0]: "An"}
    assert np.array_equal(again.subject_embeddings("An"), np.stack([new[0].embedding, new[1].embedding]))
    portraits = list(again.portraits())
    assert [number for number, _ in portraits] == ids
    for (_, portrait), one in zip(portraits, new, strict=True):
        assert (portrait.source, portrait.jpeg) == (one.portrait.source, one.portrait.jpeg)
        assert np.array_equal(portrait.landmarks, one.portrait.landmarks)


def test_what_is_not_there_is_empty_or_nan(store: Store, template: Make) -> None:
    store.add([template("An", 1)])
    unknown = np.array([99])
    assert np.isnan(store.embeddings(unknown)).all() and store.embeddings(unknown).shape == (1, 16)
    assert store.owners(unknown) == {}
    assert store.subject_embeddings("nobody").shape == (0, 16)


def test_subjects_are_listed_by_name(store: Store, template: Make) -> None:
    names = ["Ông", "an", "Bình", "An", "Ánh"]
    store.add([template(name, number) for number, name in enumerate(names)])
    assert [row.name for row in store.subjects()] == sorted(names)


def test_the_same_source_is_enrolled_once_per_subject(store: Store, template: Make) -> None:
    first, second = store.add([template("An", 1), template("An", 1)])
    assert first is not None and second is None
    assert store.has_source("An", "sha-1") and not store.has_source("Bình", "sha-1")
    assert not store.has_source("An", "sha-2")
    assert store.add([template("Bình", 1)]) != [None]
    assert listed(store) == [("An", 1), ("Bình", 1)]


def test_removal_erases_one_subject_and_nothing_else(store: Store, address: str, template: Make) -> None:
    first, second, other = store.add([template("An", 1), template("An", 2), template("Bình", 3)])
    assert store.remove("An") == 2 and store.erase_traces()
    again = open_store(address)
    assert listed(again) == [("Bình", 1)] and again.count() == 1
    assert [number for number, _ in again.portraits()] == [other]
    assert again.owners(np.array([first, second, other])) == {other: "Bình"}
    assert np.isnan(again.embeddings(np.array([first]))).all()
    assert not again.has_source("An", "sha-1")
    with pytest.raises(SubjectNotFoundError, match="no subject 'An'"):
        store.remove("An")


def test_an_id_is_never_used_twice(store: Store, template: Make) -> None:
    (last,) = store.add([template("An", 1)])
    store.remove("An")
    (new,) = store.add([template("An", 1)])
    assert last is not None and new is not None and new > last


def test_changes_tell_what_happened_since(store: Store, address: str, template: Make) -> None:
    new = [template("An", 1), template("Bình", 2)]
    first_ids = store.add(new)
    first = store.changes(0, 0)
    assert first.ids.tolist() == first_ids and first.removed.tolist() == []
    assert np.array_equal(first.embeddings, np.stack([one.embedding for one in new]))
    other = open_store(address)
    third_ids = other.add([template("Chi", 3)])
    other.remove("An")
    second = store.changes(int(first.ids[-1]), first.last_removal)
    assert second.ids.tolist() == third_ids and second.removed.tolist() == first_ids[:1]
    third = store.changes(int(second.ids[-1]), second.last_removal)
    assert len(third.ids) == len(third.removed) == 0 and third.last_removal == second.last_removal
    assert store.changes(0, 0).ids.tolist() == [first_ids[1], *third_ids]


def test_embeddings_are_exchanged_in_one_step(store: Store, address: str, identity: Identity, template: Make) -> None:
    ids = store.add([template("An", 1), template("Bình", 2)])
    new = Identity("contract-b", "model-b", "cosine", 4)
    with pytest.raises(GalleryError, match="run the command again"):
        store.replace_embeddings(new, {ids[0]: np.ones(4, np.float32)})
    assert store.current_identity() == identity and store.embeddings(np.array(ids)).shape == (2, 16)
    watching = open_store(address)
    store.replace_embeddings(new, {number: np.full(4, number, np.float32) for number in ids})
    assert store.identity == new and open_store(address).identity == new
    assert watching.identity == identity and watching.current_identity() == new
    assert open_store(address).embeddings(np.array(ids[1:])).tolist() == [[ids[1]] * 4]
    assert listed(store) == [("An", 1), ("Bình", 1)]


def test_texts_are_kept_as_they_are_written(store: Store, address: str) -> None:
    store.write_kept("other", "untouched")
    for text in ("first", '{"second": "ế"}', None):
        store.write_kept("thresholds", text)
        assert open_store(address).read_kept("thresholds") == text
    assert open_store(address).read_kept("other") == "untouched"


def test_the_change_number_changes_with_the_templates_and_with_nothing_else(
    store: Store, address: str, template: Make
) -> None:
    numbers = [store.change_number()]
    for change in (
        lambda: store.add([template("An", 1), template("Bình", 2)]),
        lambda: store.add([template("An", 3)]),
        lambda: store.remove("Bình"),
        lambda: store.add([template("Bình", 2)]),
        lambda: store.replace_embeddings(
            Identity("contract-b", "model-b", "cosine", 4),
            {int(n): np.ones(4, np.float32) for n in store.changes(0, 0).ids},
        ),
    ):
        change()
        numbers.append(open_store(address).change_number())
    assert len(set(numbers)) == len(numbers)
    store.write_kept("thresholds", "text")
    store.add([template("An", 1)])
    assert store.change_number() == numbers[-1]


def test_the_first_templates_of_every_subject(store: Store, template: Make) -> None:
    ids = store.add(
        [template("Bình", 1), template("An", 2), template("An", 3), template("Bình", 4), template("An", 5)]
    )
    assert store.first_templates(2) == {"An": [ids[1], ids[2]], "Bình": [ids[0], ids[3]]}
    assert store.first_templates(1) == {"An": [ids[1]], "Bình": [ids[0]]}
    store.remove("An")
    assert store.first_templates(9) == {"Bình": [ids[0], ids[3]]}


@pytest.mark.parametrize("name", ["", "   ", "\n"])
def test_a_subject_needs_a_name(name: str, template: Make) -> None:
    with pytest.raises(GalleryError, match=r"-1.jpg: a subject needs a name"):
        template(name, 1)


def test_one_person_has_one_name_in_both_normal_forms(store: Store, template: Make) -> None:
    composed, decomposed = "Nguy\u1ec5n H\u1ed3ng", "Nguye\u0302\u0303n Ho\u0302\u0300ng"
    store.add([template(Sample(Path("x"), name).subject, n) for n, name in enumerate((composed, decomposed))])
    assert listed(store) == [(composed, 2)]
    assert Gallery(store).remove(decomposed) == 2


def test_the_scheme_of_an_address_chooses_the_store(store: Store, tmp_path: Path, identity: Identity) -> None:
    path = tmp_path / "by scheme.gallery"
    assert isinstance(create_store(f"sqlite://{path}", identity), SqliteStore) and path.is_file()
    assert open_store(path).identity == identity
    with pytest.raises(
        GalleryError, match=r"no store for nowhere://; there are sqlite://, memory:// and plain paths"
    ):
        open_store("nowhere://people")


MASKED = (KeptDoubt("mask", 0.93), KeptDoubt("pose", None))


def test_samples_are_listed_with_what_was_doubtful_when_they_were_enrolled(
    store: Store, address: str, template: Make
) -> None:
    new = [replace(template("An", 1), doubts=MASKED), template("Bình", 2), template("An", 3)]
    first, other, second = store.add(new)
    again = open_store(address)
    rows = again.samples("An")
    assert [(row.number, row.source, row.doubts) for row in rows] == [
        (first, "An-1.jpg", MASKED),
        (second, "An-3.jpg", ()),
    ]
    assert all(0 < row.enrolled < 1e11 for row in rows)
    assert again.doubts(np.array([first, other, second, 99])) == {first: MASKED}
    portraits = list(again.portraits_of("An"))
    assert [number for number, _ in portraits] == [first, second]
    assert [portrait.jpeg for _, portrait in portraits] == [new[0].portrait.jpeg, new[2].portrait.jpeg]
    assert list(again.portraits_of("Nobody")) == []
    with pytest.raises(SubjectNotFoundError, match="no subject 'Nobody'"):
        again.samples("Nobody")


def test_one_sample_is_erased_and_the_last_one_takes_its_subject_along(store: Store, template: Make) -> None:
    first, second, other = store.add([template("An", 1), template("An", 2), template("Bình", 3)])
    assert other is not None and first is not None and second is not None
    before = store.change_number()
    with pytest.raises(GalleryError, match=f"no sample {other} of 'An'"):
        store.remove_sample("An", other)
    assert listed(store) == [("An", 2), ("Bình", 1)] and store.change_number() == before
    assert store.remove_sample("An", first) is False
    assert listed(store) == [("An", 1), ("Bình", 1)] and not store.has_source("An", "sha-1")
    assert store.changes(0, 0).removed.tolist() == [first] and store.change_number() != before
    assert store.remove_sample("An", second) is True
    assert listed(store) == [("Bình", 1)]


def test_a_renamed_subject_keeps_its_samples(store: Store, template: Make) -> None:
    ids = store.add([template("An", 1), template("An", 2), template("Bình", 3)])
    store.rename("An", "Ân")
    assert listed(store) == [("Bình", 1), ("Ân", 2)]
    assert store.owners(np.array(ids)) == {ids[0]: "Ân", ids[1]: "Ân", ids[2]: "Bình"}
    with pytest.raises(SubjectNotFoundError, match="no subject 'An'"):
        store.rename("An", "Ông")
    with pytest.raises(GalleryError, match="has a subject 'Bình' already"):
        store.rename("Ân", "Bình")
    store.rename("Bình", "Bình")
    assert listed(store) == [("Bình", 1), ("Ân", 2)]


def test_a_merged_subject_is_as_if_it_had_been_enrolled_as_the_other(
    store: Store, template: Make, identity: Identity
) -> None:
    store.add([template("An", 1), template("Chi", 2), template("Bình", 1), template("Bình", 3), template("An", 4)])
    before, numbers = store.change_number(), {row.number for row in store.samples("An")}
    assert store.merge("Bình", "An") == 1
    assert listed(store) == [("An", 3), ("Chi", 1)] and store.count() == 4
    assert store.change_number() != before and numbers < {row.number for row in store.samples("An")}
    expected = np.stack([template("An", number).embedding for number in (1, 3, 4)])
    found = store.subject_embeddings("An")
    assert np.array_equal(np.sort(found, axis=0), np.sort(expected, axis=0))
    for subject, into in (("Bình", "An"), ("An", "Bình")):
        with pytest.raises(SubjectNotFoundError, match="no subject 'Bình'"):
            store.merge(subject, into)
    with pytest.raises(GalleryError, match="with itself"):
        store.merge("An", "An")
    assert listed(store) == [("An", 3), ("Chi", 1)]
