"""Every store keeps the promises of the protocol. One suite: a new store is one more parameter of `store`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mien.data.sample import Sample
from mien.errors import ContractError, GalleryError, SampleNotFoundError, SubjectNotFoundError
from mien.gallery.gallery import Gallery
from mien.gallery.names import find_subject
from mien.gallery.profiles import Consent, Profile
from mien.gallery.records import Erasure, GallerySettings, Identity, KeptDoubt, NewTemplate
from mien.gallery.stores import STORES, create_store, is_missing, open_store
from mien.gallery.stores.base import Store, require_identity
from mien.gallery.stores.sqlite import SqliteStore
from mien.gallery.vectors import open_vectors

Make = Callable[[str, int], NewTemplate]


KINDS = ["sqlite", "encrypted", "memory", "postgres", "encrypted postgres", "milvus"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def address(kind: str, tmp_path: Path, memory_store: type, monkeypatch: pytest.MonkeyPatch) -> str:
    assert STORES["memory"] is memory_store
    if "encrypted" in kind:
        pytest.importorskip("cryptography", reason="encrypted galleries need cryptography")
        monkeypatch.setenv("MIEN_MASTER_KEY", "5a" * 32)
    return "memory://people" if kind == "memory" else str(tmp_path / "people.gallery")


@pytest.fixture
def store(kind: str, address: str, identity: Identity, request: pytest.FixtureRequest) -> Store:
    made = create_store(address, identity)
    if "postgres" in kind or kind == "milvus":
        assert isinstance(made, SqliteStore)
        at = request.getfixturevalue("milvus_address" if kind == "milvus" else "postgres_address")
        made.switch_vectors(open_vectors(at, made.id, identity))
        assert made.vectors_at == at
    return made


def id_of(store: Store, name: str) -> str:
    return find_subject(store, name).id


def names(store: Store, ids: list[int | None], *, found: bool = False) -> dict[int, str]:
    return {number: owner.name for number, owner in store.owners(np.array(ids), found=found).items()}


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
    assert names(again, [ids[2], ids[0]]) == {ids[2]: "Bình", ids[0]: "An"}
    assert np.array_equal(
        again.subject_embeddings(id_of(again, "An")), np.stack([new[0].embedding, new[1].embedding])
    )
    portraits = list(again.portraits())
    assert [number for number, _ in portraits] == ids
    for (_, portrait), one in zip(portraits, new, strict=True):
        assert portrait.jpeg == one.portrait.jpeg
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
    assert store.has_source(id_of(store, "An"), "sha-1") and not store.has_source("nobody", "sha-1")
    assert not store.has_source(id_of(store, "An"), "sha-2")
    assert store.add([template("Bình", 1)]) != [None]
    assert listed(store) == [("An", 1), ("Bình", 1)]


def test_removal_erases_one_subject_and_nothing_else(store: Store, address: str, template: Make) -> None:
    first, second, other = store.add([template("An", 1), template("An", 2), template("Bình", 3)])
    keys = "erased" if store.is_encrypted else "none"
    outside = "none" if store.searcher() is None else "logical"
    assert store.remove(id_of(store, "An")) == Erasure(2, keys, "emptied", outside) and store.erase_traces()
    again = open_store(address)
    assert listed(again) == [("Bình", 1)] and again.count() == 1
    assert [number for number, _ in again.portraits()] == [other]
    assert names(again, [first, second, other]) == {other: "Bình"}
    assert np.isnan(again.embeddings(np.array([first]))).all()
    assert not again.has_source("An", "sha-1")
    with pytest.raises(SubjectNotFoundError, match="no subject 'An'"):
        store.remove(id_of(store, "An"))


def test_an_id_is_never_used_twice(store: Store, template: Make) -> None:
    (last,) = store.add([template("An", 1)])
    store.remove(id_of(store, "An"))
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
    other.remove(id_of(other, "An"))
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
        lambda: store.remove(id_of(store, "Bình")),
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
    def first(count: int) -> dict[str, list[int]]:
        return {owner.name: numbers for owner, numbers in store.first_templates(count).items()}

    ids = store.add(
        [template("Bình", 1), template("An", 2), template("An", 3), template("Bình", 4), template("An", 5)]
    )
    assert first(2) == {"An": [ids[1], ids[2]], "Bình": [ids[0], ids[3]]}
    assert first(1) == {"An": [ids[1]], "Bình": [ids[0]]}
    store.remove(id_of(store, "An"))
    assert first(9) == {"Bình": [ids[0], ids[3]]}


@pytest.mark.parametrize("name", ["", "   ", "\n"])
def test_a_subject_needs_a_name(name: str, template: Make) -> None:
    with pytest.raises(GalleryError, match=r"-1.jpg: a subject needs a name"):
        template(name, 1)


def test_one_person_has_one_name_in_both_normal_forms(store: Store, template: Make) -> None:
    composed, decomposed = "Nguy\u1ec5n H\u1ed3ng", "Nguye\u0302\u0303n Ho\u0302\u0300ng"
    store.add([template(Sample(Path("x"), name).subject, n) for n, name in enumerate((composed, decomposed))])
    assert listed(store) == [(composed, 2)]
    assert Gallery(store).remove(decomposed).templates == 2


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
    rows = again.samples(id_of(again, "An"))
    assert [(row.number, row.source, row.doubts) for row in rows] == [
        (first, "An-1.jpg", MASKED),
        (second, "An-3.jpg", ()),
    ]
    assert all(0 < row.enrolled < 1e11 for row in rows)
    assert again.doubts(np.array([first, other, second, 99])) == {first: MASKED}
    assert [row.id for row in rows] == [new[0].id, new[2].id] and {row.subject for row in rows} == {
        id_of(again, "An")
    }
    portraits = [again.portrait(row.id) for row in rows]
    assert [one and one.jpeg for one in portraits] == [new[0].portrait.jpeg, new[2].portrait.jpeg]
    assert again.sample(new[2].id) == rows[1]
    with pytest.raises(SubjectNotFoundError, match="no subject of the id nobody"):
        again.samples("nobody")
    for ask in (again.sample, again.portrait, again.remove_sample):
        with pytest.raises(SampleNotFoundError, match="no sample of the id nothing"):
            ask("nothing")


def test_one_sample_is_erased_and_the_last_one_takes_its_subject_along(store: Store, template: Make) -> None:
    new = [template("An", 1), template("An", 2), template("Bình", 3)]
    first, second, _ = store.add(new)
    before = store.change_number()
    assert store.remove_sample(new[0].id, with_subject=True).templates == 1
    assert listed(store) == [("An", 1), ("Bình", 1)] and not store.has_source(id_of(store, "An"), "sha-1")
    assert store.changes(0, 0).removed.tolist() == [first] and store.change_number() != before
    assert store.remove_sample(new[2].id).templates == 1
    assert listed(store) == [("An", 1), ("Bình", 0)], "a subject may wait for its next sample"
    assert store.remove_sample(new[1].id, with_subject=True).templates == 1
    assert listed(store) == [("Bình", 0)] and second in store.changes(0, 0).removed


def test_a_renamed_subject_keeps_its_id_and_its_samples(store: Store, address: str, template: Make) -> None:
    ids = store.add([template("An", 1), template("An", 2), template("Bình", 3)])
    before = store.subject(id_of(store, "An"))
    row = store.change_subject(before.id, lambda _: Profile("Ân"))
    assert (row.id, row.name, row.enrolled) == (before.id, "Ân", before.enrolled)
    assert listed(open_store(address)) == [("Bình", 1), ("Ân", 2)]
    assert names(store, ids) == {ids[0]: "Ân", ids[1]: "Ân", ids[2]: "Bình"}
    with pytest.raises(SubjectNotFoundError, match="no subject 'An'"):
        id_of(store, "An")
    with pytest.raises(SubjectNotFoundError, match="no subject of the id nobody"):
        store.change_subject("nobody", lambda _: Profile("x"))


def test_a_merged_subject_is_as_if_it_had_been_enrolled_as_the_other(
    store: Store, template: Make, identity: Identity
) -> None:
    store.add([template("An", 1), template("Chi", 2), template("Bình", 1), template("Bình", 3), template("An", 4)])
    an, binh = id_of(store, "An"), id_of(store, "Bình")
    before, numbers = store.change_number(), {row.number for row in store.samples(an)}
    assert store.merge(binh, an) == 1
    assert listed(store) == [("An", 3), ("Chi", 1)] and store.count() == 4
    assert store.change_number() != before and numbers < {row.number for row in store.samples(an)}
    expected = np.stack([template("An", number).embedding for number in (1, 3, 4)])
    found = store.subject_embeddings(an)
    assert np.array_equal(np.sort(found, axis=0), np.sort(expected, axis=0))
    for subject, into in ((binh, an), (an, binh)):
        with pytest.raises(SubjectNotFoundError, match=f"no subject of the id {binh}"):
            store.merge(subject, into)
    with pytest.raises(GalleryError, match="with itself"):
        store.merge(an, an)
    assert listed(store) == [("An", 3), ("Chi", 1)]


def test_a_sample_is_moved_to_the_subject_it_shows(store: Store, template: Make) -> None:
    new = [template("An", 1), template("An", 2), template("Bình", 2)]
    ids = store.add(new)
    binh, before = id_of(store, "Bình"), store.change_number()
    assert store.move_sample(new[0].id, binh) and store.change_number() != before
    assert names(store, ids) == {ids[0]: "Bình", ids[1]: "An", ids[2]: "Bình"}
    assert not store.move_sample(new[1].id, binh), "the other subject has this file already"
    assert listed(store) == [("An", 0), ("Bình", 2)] and store.move_sample(new[0].id, binh)
    with pytest.raises(SubjectNotFoundError):
        store.move_sample(new[0].id, "nobody")
    assert names(store, ids) == {ids[0]: "Bình", ids[2]: "Bình"}


CONSENT = Consent("entry to the house", since=1000.0, until=4e9, guardian="Trần Văn Đức")
PROFILE = Profile("Bé An", {"lớp": "3A", "tags": [1, {"x": None}]}, CONSENT, "suspended")


def test_what_is_known_of_a_subject_is_kept_as_it_was_given(store: Store, address: str) -> None:
    made = store.create_subject(PROFILE)
    again = open_store(address)
    assert again.subject(made.id) == made and made.profile == PROFILE and made.templates == 0
    assert again.id == store.id and len(store.id) == len(made.id) == 32
    changed = again.change_subject(made.id, lambda _: Profile("Bé An"))
    assert changed == store.subject(made.id) and changed.profile == Profile("Bé An") and changed.id == made.id


def test_two_people_may_have_one_name_and_are_told_apart_by_their_ids(store: Store, template: Make) -> None:
    first, second = (store.create_subject(Profile("Nguyễn Văn An")) for _ in range(2))
    assert [row.id for row in store.find("Nguyễn Văn An")] == [first.id, second.id] and first.id != second.id
    ids = store.add([replace(template("x", 1), owner=second.id)])
    assert {number: owner.id for number, owner in store.owners(np.array(ids)).items()} == {ids[0]: second.id}
    with pytest.raises(GalleryError, match="2 subjects called 'Nguyễn Văn An'"):
        store.add([template("Nguyễn Văn An", 2)])
    with pytest.raises(GalleryError, match=f"say which by its id .*{first.id}, {second.id}"):
        find_subject(store, "Nguyễn Văn An")
    assert find_subject(store, first.id) == first and store.count() == 1
    with pytest.raises(SubjectNotFoundError):
        store.add([replace(template("x", 3), owner="nobody")])


def put(profile: Profile, former: Profile) -> Profile:
    """A profile in the place of the former one."""
    return profile


def test_whoever_may_not_be_found_is_no_candidate(store: Store, template: Make) -> None:
    names_of = ("active", "suspended", "before", "over", "unknown")
    ids = store.add([template(name, number) for number, name in enumerate(names_of)])
    states = {
        "suspended": Profile("suspended", state="suspended"),
        "before": Profile("before", consent=Consent("door", since=4e9)),
        "over": Profile("over", consent=Consent("door", since=1.0, until=2.0)),
        "active": Profile("active", consent=Consent("door", since=1.0, until=4e9)),
    }
    for name, profile in states.items():
        store.change_subject(id_of(store, name), partial(put, profile))
    assert set(names(store, ids).values()) == set(names_of)
    assert set(names(store, ids, found=True).values()) == {"active", "unknown"}
    store.change_settings(GallerySettings(requires_consent=True))
    assert set(names(store, ids, found=True).values()) == {"active"}
    candidates = Gallery(store).search(np.stack([template("x", number).embedding for number in range(5)]), 5)
    assert {one.subject for row in candidates for one in row} == {"active"}


def test_no_sample_is_taken_without_a_consent_that_holds(store: Store, address: str, template: Make) -> None:
    store.change_settings(GallerySettings(requires_consent=True, keep="none", grace_days=30))
    assert open_store(address).settings() == GallerySettings(requires_consent=True, keep="none", grace_days=30)
    over = store.create_subject(Profile("over", consent=Consent("door", since=1.0, until=2.0)))
    for new in (template("An", 1), replace(template("x", 1), owner=over.id)):
        with pytest.raises(GalleryError, match="takes no sample without consent"):
            store.add([new])
    assert store.count() == 0
    store.change_subject(over.id, lambda _: Profile("over", consent=Consent("door", since=1.0)))
    assert store.add([replace(template("x", 1), owner=over.id)]) != [None]


def test_a_gallery_that_keeps_no_portraits_has_none(store: Store, template: Make) -> None:
    store.add([template("An", 1)])
    store.change_settings(GallerySettings(keep="none"))
    new = replace(template("An", 2), source=None)
    store.add([new])
    rows = store.samples(id_of(store, "An"))
    assert [(row.has_portrait, row.source) for row in rows] == [(True, "An-1.jpg"), (False, None)]
    assert [portrait is None for _, portrait in store.portraits()] == [False, True]
    assert store.portrait(new.id) is None
    with pytest.raises(GalleryError, match="changed"):
        store.replace_embeddings(Identity("b", "b", "cosine", 4), {rows[0].number: np.ones(4, np.float32)})
    store.replace_embeddings(
        Identity("b", "b", "cosine", 4), {rows[0].number: np.ones(4, np.float32)}, [rows[1].number]
    )
    assert listed(store) == [("An", 1)] and rows[1].number in store.changes(0, 0).removed


def test_threads_enrol_erase_and_search_side_by_side(store: Store, template: Make) -> None:
    gallery = Gallery(store)
    store.add([template("stays", 0)])

    def work(number: int) -> list[str]:
        found = []
        for step in range(3):
            place = 1 + 10 * number + step
            (added,) = store.add([template(f"subject {place}", place)])
            [[best]] = gallery.search(template("x", place).embedding[None], 1)
            found.append(best.subject)
            assert added is not None and store.embeddings(np.array([added])).tolist() != []
        gallery.remove(f"subject {1 + 10 * number}")
        return found

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(work, range(3)))
    assert results == [[f"subject {1 + 10 * number + step}" for step in range(3)] for number in range(3)]
    assert store.count() == 1 + 3 * 2 and len(store.subjects()) == 7
    for number in range(3):
        found = gallery.search(template("x", 1 + 10 * number).embedding[None], 7)[0]
        assert f"subject {1 + 10 * number}" not in {one.subject for one in found}


def test_two_openers_of_one_gallery_see_each_others_changes_at_once(
    store: Store, address: str, template: Make
) -> None:
    first, second = Gallery(store), Gallery(open_store(address))
    for number in range(6):
        writer, reader = (first, second) if number % 2 else (second, first)
        writer.store.add([template(f"subject {number}", number)])
        [[best]] = reader.search(template("x", number).embedding[None], 1)
        assert best.subject == f"subject {number}" and reader.store.count() == 1
        writer.remove(best.subject_id)
        assert reader.search(template("x", number).embedding[None], 1) == [[]]


def test_a_recognizer_of_another_contract_is_refused_and_nothing_is_changed(
    store: Store, address: str, template: Make
) -> None:
    store.add([template("An", 1)])
    with pytest.raises(ContractError, match="contract-b"):
        require_identity(open_store(address), Identity("contract-b", "model-b", "l2", 16))
    assert listed(store) == [("An", 1)] and store.current_identity() == store.identity
