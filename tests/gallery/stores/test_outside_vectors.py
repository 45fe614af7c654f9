"""Vectors in a database: what the file keeps, what waits while the database is gone, what was changed there."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.gallery import Gallery
from mien.gallery.names import find_subject
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.stores import create_store, open_store
from mien.gallery.stores.outside_vectors import (
    COPIES,
    WAITING,
    Table,
    copies_text,
    hash_of,
    stored_vector,
    waiting_of,
    waiting_text,
)
from mien.gallery.stores.sqlite import SqliteStore
from mien.gallery.transfer import compact_vectors
from mien.gallery.vectors import open_vectors
from mien.gallery.vectors.base import VectorStore

Make = Callable[[str, int], NewTemplate]


@pytest.fixture
def store(tmp_path: Path, identity: Identity, postgres_address: str, template: Make) -> SqliteStore:
    made = create_store(tmp_path / "people.gallery", identity)
    assert isinstance(made, SqliteStore)
    made.add([template("An", 1), template("Bình", 2)])
    target = open_vectors(postgres_address, made.id, identity)
    rows = made.changes(0, 0)
    target.put([made.samples(row.id)[0].id for row in made.subjects()], rows.embeddings)
    made.switch_vectors(target)
    return made


def test_the_file_keeps_a_hash_of_each_vector_and_no_vector(store: SqliteStore, template: Make) -> None:
    store.erase_traces()
    held = store.path.read_bytes()
    for number in (1, 2):
        vector = template("x", number).embedding
        assert vector.tobytes() not in held and hash_of(vector) in held
    assert stored_vector(vector, outside=False) == vector.tobytes()


def test_a_search_finds_by_the_database_what_was_just_enrolled(store: SqliteStore, template: Make) -> None:
    gallery, other = Gallery(store), Gallery(open_store(store.path))
    for number in range(3, 12):
        store.add([template(f"subject {number}", number)])
        for one in (gallery, other):
            [[best]] = one.search(template("x", number).embedding[None], 1)
            assert best.subject == f"subject {number}" and best.score.value == pytest.approx(0, abs=1e-3)
    store.remove(find_subject(store, "subject 5").id)
    assert "subject 5" not in {one.subject for one in other.search(template("x", 5).embedding[None], 10)[0]}


def test_a_vector_that_was_changed_in_the_database_is_an_error_and_no_answer(
    store: SqliteStore, template: Make
) -> None:
    sample = store.samples(find_subject(store, "An").id)[0].id
    store._outside.put([sample], template("x", 9).embedding[None])
    with pytest.raises(GalleryError, match=f"lacks the vector of sample {sample} .* or has another one"):
        Gallery(store).search(template("x", 9).embedding[None], 1)
    with pytest.raises(GalleryError, match="lacks the vector"):
        store.changes(0, 0)
    store.remove_sample(sample)
    assert Gallery(store).search(template("x", 9).embedding[None], 5)[0][0].subject == "Bình"


def test_an_erasure_while_the_database_is_gone_is_finished_later(
    store: SqliteStore, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = store.samples(find_subject(store, "An").id)[0].id
    with monkeypatch.context() as patch:

        def gone(*_: object) -> None:
            raise GalleryError("the database cannot be reached")

        patch.setattr(type(store._outside), "remove", gone)
        erasure = store.remove(find_subject(store, "An").id)
        assert (erasure.log, erasure.outside) == ("pending", "pending") and store.traces_remain()
        assert not np.isnan(store._outside.get([sample])).any()
        found = Gallery(store).search(template("An", 1).embedding[None], 5)[0]
        assert [one.subject for one in found] == ["Bình"], "nobody finds who is erased"
        assert not store.erase_traces()
    again = open_store(store.path)
    assert again.erase_traces() and not again.traces_remain()
    assert np.isnan(store._outside.get([sample])).all()


def test_a_former_database_that_exists_no_more_is_given_up_and_no_other_one(
    store: SqliteStore, tmp_path: Path, identity: Identity
) -> None:
    """Its erasures were pending for ever."""
    gone, other = (Table(f"milvus://{tmp_path / name}.db", identity) for name in ("gone", "other"))
    store.write_kept(WAITING, waiting_text({gone: ["a" * 32, "b" * 32], other: ["c" * 32]}))
    store.write_kept(COPIES, copies_text([gone]))
    assert store.vectors_at is not None
    with pytest.raises(GalleryError, match="import an export to another place first"):
        store.give_up(store.vectors_at)
    with pytest.raises(
        GalleryError, match=f"waits for nothing at milvus://x.db, but at {gone.address}, {other.address}"
    ):
        store.give_up("milvus://x.db")
    assert store.give_up(gone.address) == 2
    assert waiting_of(store.read_kept(WAITING)) == {other: ["c" * 32]} and store.copies_at == []
    assert store.traces_remain()
    said = compact_vectors(store.path, gone=other.address)
    assert "from which 1 vector was to be removed" in said and not store.traces_remain()


def test_an_enrolment_that_was_killed_before_it_was_written_counts_for_nothing(
    store: SqliteStore, template: Make
) -> None:
    store._outside.put(["f" * 32], template("x", 7).embedding[None])
    found = Gallery(store).search(template("x", 7).embedding[None], 5)[0]
    assert {one.subject for one in found} == {"An", "Bình"} and store.count() == 2


def test_a_store_whose_vectors_were_moved_by_another_process_must_be_opened_again(
    store: SqliteStore, template: Make
) -> None:
    before = open_store(store.path)
    store.switch_vectors(None)
    assert store.erase_traces() and store.vectors_at is None
    assert np.array_equal(store.changes(0, 0).embeddings[0], template("An", 1).embedding)
    for ask in (lambda: before.add([template("Chi", 3)]), lambda: before.changes(0, 0)):
        with pytest.raises(GalleryError, match="moved by another process: open it again"):
            ask()
    assert before._outside.count() == 0, "nothing of it is left in the database"


def test_a_database_that_lacks_a_vector_does_not_become_the_place(
    store: SqliteStore, postgres_address: str, template: Make, identity: Identity
) -> None:
    store.switch_vectors(None)
    with pytest.raises(GalleryError, match="nothing was changed"):
        store.switch_vectors(open_vectors(postgres_address, store.id, identity))
    assert store.vectors_at is None and np.array_equal(store.embeddings(np.array([1]))[0], template("x", 1).embedding)


def test_a_search_in_a_database_that_was_emptied_by_a_move_does_not_say_that_nobody_is_found(
    store: SqliteStore, template: Make
) -> None:
    elsewhere = open_store(store.path)
    gallery = Gallery(elsewhere)
    assert elsewhere.is_current() and gallery.search(template("x", 1).embedding[None], 1)[0][0].subject == "An"
    store.switch_vectors(None)
    assert not elsewhere.is_current() and store.is_current()
    with pytest.raises(GalleryError, match="were moved by another process: open it again"):
        gallery.search(template("x", 1).embedding[None], 1)


def test_a_second_address_of_the_same_database_does_not_empty_it(
    store: SqliteStore, postgres_address: str, template: Make
) -> None:
    """The former address is given up, and its vectors are those of the new one."""
    address = f"{postgres_address}&exact=true"
    store.switch_vectors(open_vectors(address, store.id, store.identity))
    assert store.vectors_at == address and not store.traces_remain()
    assert Gallery(store).search(template("x", 2).embedding[None], 1)[0][0].subject == "Bình"
    assert len(store.changes(0, 0).ids) == 2 == store._outside.count()


def test_vectors_that_came_back_before_they_could_be_removed_stay(
    store: SqliteStore, postgres_address: str, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, erased = open_vectors(postgres_address, store.id, store.identity), find_subject(store, "An").id
    with monkeypatch.context() as patch:

        def gone(*_: object) -> None:
            raise GalleryError("the database cannot be reached")

        patch.setattr(type(target), "remove", gone)
        store.switch_vectors(None)
        assert store.traces_remain() and store.remove(erased).outside == "pending"
        store.switch_vectors(target)
    assert store.erase_traces() and target.count() == 1, "who was erased is gone, and nobody else"
    assert Gallery(store).search(template("x", 2).embedding[None], 5)[0][0].subject == "Bình"


def test_vectors_that_are_embedded_again_with_the_same_model_are_not_exchanged_where_that_is_refused(
    store: SqliteStore, template: Make
) -> None:
    numbers = [row.number for one in store.subjects() for row in store.samples(one.id)]
    with pytest.raises(GalleryError, match="was changed while it was embedded again"):
        store.replace_embeddings(store.identity, {numbers[0]: template("x", 7).embedding})
    assert Gallery(store).search(template("x", 1).embedding[None], 1)[0][0].subject == "An"
    store.replace_embeddings(store.identity, {number: template("x", 7 + number).embedding for number in numbers})
    assert len(store.changes(0, 0).ids) == 2


def test_a_vector_that_is_removed_while_many_are_read_ends_no_reading(
    store: SqliteStore, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer vectors than a block would mean that there are no more."""
    other, read = open_store(store.path), type(store._outside).get
    erased = find_subject(other, "An").id

    def removing(self: object, ids: list[str]) -> np.ndarray:
        monkeypatch.setattr(type(store._outside), "get", read)
        monkeypatch.setattr("mien.gallery.stores.sqlite_reading.BLOCK", 2)
        other.remove(erased)
        return read(self, ids)

    store.add([template("Chi", 3)])
    monkeypatch.setattr("mien.gallery.stores.sqlite_reading.BLOCK", 2)
    monkeypatch.setattr(type(store._outside), "get", removing)
    assert len(store.changes(0, 0).ids) == 2, "Bình and Chi: a whole block"


def test_what_waits_is_written_and_read_again() -> None:
    table = Table("postgresql:///x", Identity("c", "m", "l2", 4))
    assert waiting_of(waiting_text({table: ["a", "b"]})) == {table: ["a", "b"]}
    assert waiting_text({table: []}) is None and waiting_of(None) == {}


def locked(store: SqliteStore) -> bool:
    """Whether another process would have to wait before it could write to the gallery."""
    with closing(sqlite3.connect(store.path, timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


def test_vectors_cannot_come_back_between_the_question_who_is_enrolled_and_their_removal(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search would find nobody any more, since the vectors of all were removed under the gallery."""
    vectors, removed = type(store._outside), []
    remove = vectors.remove

    def watched(self: VectorStore, ids: list[str]) -> None:
        removed.append((sorted(ids), locked(store)))
        remove(self, ids)

    monkeypatch.setattr(vectors, "remove", watched)
    sample = store.samples(find_subject(store, "An").id)[0].id
    store.remove(find_subject(store, "An").id)
    assert removed == [([sample], True)]
    store.remove_orphans(store._outside, [sample, store.samples(find_subject(store, "Bình").id)[0].id])
    assert removed[1:] == [([sample], True)], "a sample that was restored meanwhile keeps its vector"


def test_a_refused_re_enrolment_leaves_no_vectors_of_the_other_model_in_the_database(
    store: SqliteStore, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would remove them when their subjects are erased."""
    other = replace(store.identity, contract="another")
    there = open_vectors(store.vectors_at, store.id, other)
    numbers = [row.number for one in store.subjects() for row in store.samples(one.id)]
    embeddings = {number: template("x", number).embedding for number in numbers}
    with pytest.raises(GalleryError, match="was changed while it was embedded again"):
        store.replace_embeddings(other, {numbers[0]: embeddings[numbers[0]]})
    assert there.count() == 0, "what is refused is not put at all"

    def full(*_: object) -> None:
        assert there.count() == 2
        raise GalleryError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("mien.gallery.stores.sqlite.stamp", full)
        with pytest.raises(GalleryError, match="the disk is full"):
            store.replace_embeddings(other, embeddings)
    assert there.count() == 0 and store._outside.count() == 2 and not store.traces_remain()
    assert Gallery(store).search(template("x", 2).embedding[None], 1)[0][0].subject == "Bình"
    store.replace_embeddings(other, embeddings)
    assert there.count() == 2 == len(store.changes(0, 0).ids)
    there.close()


def test_an_erasure_reaches_the_vectors_that_a_killed_re_enrolment_left(
    store: SqliteStore, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed cannot list what it has put for the other model."""
    other = replace(store.identity, contract="another")
    there = open_vectors(store.vectors_at, store.id, other)
    embeddings = {
        row.number: template("x", row.number).embedding for one in store.subjects() for row in store.samples(one.id)
    }

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mien.gallery.stores.sqlite.stamp", kill)
        patch.setattr(store, "_discard_others", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            store.replace_embeddings(other, embeddings)
    again = open_store(store.path)
    assert isinstance(again, SqliteStore) and there.count() == 2 and again.copies_at == [store.vectors_at]
    again.remove(find_subject(again, "An").id)
    assert there.count() == 1 and not again.traces_remain()
    again.discard_copies()
    assert again.erase_traces() and there.count() == 0 and again._outside.count() == 1
    there.close()
