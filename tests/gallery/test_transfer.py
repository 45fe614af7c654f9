"""A gallery's vectors are moved to PostgreSQL and back; what was cut, edited or erased does not come along."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

from mien.errors import ContractError, GalleryError
from mien.gallery.gallery import Gallery
from mien.gallery.keeping import create_gallery
from mien.gallery.names import find_subject
from mien.gallery.records import GallerySettings, Identity, NewTemplate
from mien.gallery.stores import create_store, open_store
from mien.gallery.stores.outside_recall import Recall, chosen_effort, is_outdated, keep_recall, kept_recall
from mien.gallery.stores.sqlite import SqliteStore
from mien.gallery.transfer import (
    check_vectors,
    compact_vectors,
    compare_vectors,
    export_vectors,
    import_vectors,
)
from mien.gallery.vectors import open_vectors
from mien.gallery.vectors.base import Near
from mien.gallery.vectors.postgres import PostgresVectors

Make = Callable[[str, int], NewTemplate]


@pytest.fixture
def gallery(tmp_path: Path, identity: Identity, template: Make) -> Path:
    path = tmp_path / "people.gallery"
    store = create_store(path, identity)
    store.add([template(f"subject {number // 2}", number) for number in range(40)])
    store.close()
    return path


@pytest.fixture
def exported(gallery: Path, tmp_path: Path) -> Path:
    file = tmp_path / "people.parquet"
    assert export_vectors(gallery, file).count == 40
    return file


def found(gallery: Path, template: Make) -> list[list[tuple[str, float]]]:
    opened = Gallery.open(gallery)
    queries = np.stack([template("x", number).embedding for number in range(0, 60, 7)])
    answers = [[(one.subject, round(one.score.value, 5)) for one in row] for row in opened.search(queries, 5)]
    opened.close()
    return answers


def test_a_gallery_is_moved_to_postgres_and_back_with_the_comparison_clean(
    gallery: Path, exported: Path, postgres_address: str, template: Make
) -> None:
    before = found(gallery, template)
    moved = import_vectors(exported, gallery, postgres_address, probes=60)
    assert moved and (moved.here, moved.there, moved.differences) == (40, 40, 0)
    assert moved.recall is not None and moved.recall.value == 1.0 and moved.recall.wanted == 600
    assert open_store(gallery).vectors_at == postgres_address and found(gallery, template) == before
    assert compare_vectors(gallery, exported) and compare_vectors(gallery, postgres_address, probes=10)
    assert [check.state for check in check_vectors(gallery)] == ["good", "good"]
    assert "used again" in compact_vectors(gallery)
    store = open_store(gallery)
    store.add([template("since then", 100)])
    store.remove(find_subject(store, "since then").id)
    store.add([template("since then", 101)])
    back = import_vectors(exported, gallery, "file")
    assert back and (back.here, back.there) == (41, 41), "who was enrolled since the export came along"
    store = open_store(gallery)
    assert store.vectors_at is None and store.remove(find_subject(store, "since then").id).outside == "none"
    assert found(gallery, template) == before
    assert not compare_vectors(gallery, postgres_address), "nothing of it is left there"


def test_a_database_that_was_lost_comes_back_from_the_export(
    gallery: Path, exported: Path, postgres_address: str, template: Make
) -> None:
    before = found(gallery, template)
    import_vectors(exported, gallery, postgres_address, probes=0)
    store = open_store(gallery)
    target = open_vectors(postgres_address, store.id, store.identity)
    target.remove([one for block in target.ids() for one in block])
    [row, *_] = check_vectors(gallery)
    assert row.state == "bad" and "has 0 of 40" in row.detail
    with pytest.raises(GalleryError, match="lacks the vector"):
        store.changes(0, 0)
    target.close()
    store.close()
    assert import_vectors(exported, gallery, "file") and found(gallery, template) == before


def test_an_import_that_was_stopped_is_finished_by_running_it_again(
    gallery: Path, exported: Path, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.gallery.vectors.export_file.BLOCK", 10)
    monkeypatch.setattr("mien.gallery.transfer.BLOCK", 10)
    small = exported.with_name("blocks.parquet")
    export_vectors(gallery, small)

    def stop(progress: object) -> None:
        if progress.stage == "importing" and progress.done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_vectors(small, gallery, postgres_address, on_progress=stop)
    store = open_store(gallery)
    target = open_vectors(postgres_address, store.id, store.identity)
    assert store.vectors_at is None and 20 <= target.count() < 40
    put: list[int] = []
    whole = type(target).put
    monkeypatch.setattr(type(target), "put", lambda self, ids, rows: put.append(len(ids)) or whole(self, ids, rows))
    count = target.count()
    assert import_vectors(small, gallery, postgres_address, probes=0)
    assert sum(put) == 40 - count and target.count() == 40, "nothing twice"
    target.close()


def test_an_erasure_reaches_the_vectors_that_a_killed_import_left(
    gallery: Path, exported: Path, postgres_address: str
) -> None:
    """Nobody was listed for removal there, since the gallery did not know of that place before the switch."""

    def kill(progress: object) -> None:
        if progress.stage == "comparing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_vectors(exported, gallery, postgres_address, on_progress=kill)
    store = open_store(gallery)
    target = open_vectors(postgres_address, store.id, store.identity)
    gone = [row.id for row in store.samples(find_subject(store, "subject 3").id)]
    assert store.vectors_at is None and target.count() == 40
    assert [check.topic for check in check_vectors(gallery)] == ["vectors", "copies"]
    store.remove(find_subject(store, "subject 3").id)
    assert np.isnan(target.get(gone)).all() and target.count() == 38 and not store.traces_remain()
    store.put_enrolled(target, gone, np.ones((2, 16), np.float32))
    assert target.count() == 38, "an import that still runs does not bring them back"
    compact_vectors(gallery)
    assert target.count() == 0 and [check.topic for check in check_vectors(gallery)] == ["vectors"]
    target.close()
    assert import_vectors(exported, gallery, postgres_address, probes=0) and open_store(gallery).copies_at == []


def test_who_was_erased_since_the_export_does_not_come_back_and_who_was_enrolled_since_comes_along(
    gallery: Path, exported: Path, postgres_address: str, template: Make
) -> None:
    store = open_store(gallery)
    gone = [row.id for row in store.samples(find_subject(store, "subject 3").id)]
    store.remove(find_subject(store, "subject 3").id)
    store.add([template("new", 100)])
    comparison = compare_vectors(gallery, exported)
    assert (comparison.here, comparison.there, comparison.differences) == (39, 40, 3)
    assert set(comparison.extra) == set(gone) and len(comparison.missing) == 1
    moved = import_vectors(exported, gallery, postgres_address, probes=0)
    assert moved and moved.there == 39
    target = open_vectors(postgres_address, store.id, store.identity)
    assert np.isnan(target.get(gone)).all()
    target.close()


def test_an_export_that_was_cut_or_edited_is_refused_in_one_sentence(
    gallery: Path, exported: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(exported.read_bytes()[:-200])
    with pytest.raises(GalleryError, match=r"cut.parquet is not an export, or it was cut"):
        import_vectors(cut, gallery, "file")
    data = bytearray(exported.read_bytes())
    vector = open_store(gallery).changes(0, 0).embeddings[7].tobytes()
    place = bytes(data).index(vector)
    data[place + 3] ^= 1
    edited = tmp_path / "edited.parquet"
    edited.write_bytes(data)
    with pytest.raises(GalleryError, match=r"edited.parquet was edited after it was written"):
        import_vectors(edited, gallery, "file")
    table = parquet.read_table(exported)
    about = parquet.read_metadata(exported).metadata
    parquet.write_table(table.slice(0, 30).replace_schema_metadata(about), edited)
    with pytest.raises(GalleryError, match="edited after it was written"):
        import_vectors(edited, gallery, "file")
    parquet.write_table(table.drop_columns(["id"]).replace_schema_metadata(about), edited)
    with pytest.raises(GalleryError, match="edited after it was written"):
        compare_vectors(gallery, edited)
    parquet.write_table(table.replace_schema_metadata(None), edited)
    with pytest.raises(GalleryError, match="is not an export of this version"):
        compare_vectors(gallery, edited)
    with pytest.raises(GalleryError, match=r"nothing.parquet does not exist|cannot be found|No such file"):
        compare_vectors(gallery, tmp_path / "nothing.parquet")


def test_an_export_of_another_gallery_or_model_is_refused(
    gallery: Path, exported: Path, tmp_path: Path, identity: Identity
) -> None:
    other = tmp_path / "other.gallery"
    create_store(other, identity).close()
    with pytest.raises(GalleryError, match="an export of another gallery"):
        import_vectors(exported, other, "file")
    store = open_store(gallery)
    rows = store.changes(0, 0)
    store.replace_embeddings(
        Identity("contract-b", "model-b", "cosine", 4), {int(n): np.ones(4, np.float32) for n in rows.ids}
    )
    with pytest.raises(ContractError, match=r"holds embeddings of model-a and .* of model-b"):
        import_vectors(exported, gallery, "file")


def test_vectors_leave_an_encrypted_gallery_only_when_that_is_confirmed(
    tmp_path: Path, identity: Identity, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="encrypted galleries need cryptography")
    monkeypatch.setenv("MIEN_MASTER_KEY", "5a" * 32)
    store = create_store(tmp_path / "a.gallery", identity)
    store.add([template("An", 1)])
    with pytest.raises(GalleryError, match="is encrypted, and an export is not: say --plain"):
        export_vectors(store.path, tmp_path / "a.parquet")
    assert not (tmp_path / "a.parquet").exists()
    export_vectors(store.path, tmp_path / "a.parquet", plain=True)
    assert (tmp_path / "a.parquet").stat().st_mode & 0o777 == 0o600
    assert b"An-1.jpg" not in (tmp_path / "a.parquet").read_bytes()


def test_doctor_says_that_the_recall_was_not_measured_or_is_old(
    gallery: Path, exported: Path, postgres_address: str
) -> None:
    import_vectors(exported, gallery, postgres_address, probes=0)
    assert [(check.topic, check.state) for check in check_vectors(gallery)] == [
        ("vectors", "good"),
        ("recall", "note"),
    ]
    store = open_store(gallery)
    assert "searches compare every vector" in check_vectors(gallery)[1].detail
    old = Recall(address=postgres_address, templates=1, effort=200, probes=9, wanted=1000, found=999, whole=8, at=1.0)
    keep_recall(store, old)
    assert kept_recall(store) == old and check_vectors(gallery)[1].state == "good"
    assert "0.9990 of 1 templates in 9 searches" in check_vectors(gallery)[1].detail
    keep_recall(store, replace(old, found=998))
    assert check_vectors(gallery)[1].state == "note" and "people can be missed" in check_vectors(gallery)[1].detail


def test_searches_take_an_effort_only_where_it_was_measured_to_find_the_nearest(
    gallery: Path, exported: Path, postgres_address: str
) -> None:
    import_vectors(exported, gallery, postgres_address, probes=0)
    store = open_store(gallery)
    assert isinstance(store, SqliteStore)
    vectors = open_vectors(postgres_address, store.id, store.identity)
    assert chosen_effort(store, vectors, 40) is None, "it was never measured"
    good = Recall(
        address=postgres_address, templates=99, effort=400, probes=9, wanted=1000, found=999, whole=8, at=1.0
    )
    for change, effort in (({}, 400), ({"found": 998}, None), ({"address": "postgresql://elsewhere/x"}, None)):
        keep_recall(store, replace(good, **change))
        assert chosen_effort(store, vectors, 40) == effort
    keep_recall(store, good)
    exact = open_vectors(f"{postgres_address}&exact=true", store.id, store.identity)
    assert chosen_effort(store, exact, 40) is None
    assert not is_outdated(good, 150) and is_outdated(good, 151)
    vectors.close()


def test_an_index_that_misses_the_nearest_is_not_used(
    gallery: Path, exported: Path, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 100,000 vectors without structure pgvector's index found 40% with 200 candidates, and 74% with 1,000."""
    nearest, asked = PostgresVectors.nearest, []

    def misses(self: PostgresVectors, queries: np.ndarray, count: int, *, effort: int | None) -> list[Near]:
        asked.append(effort)
        found = nearest(self, queries, count, effort=effort)
        if effort is None:
            return found
        return [Near(near.ids[len(near.ids) // 2 :], near.vectors[len(near.ids) // 2 :]) for near in found]

    monkeypatch.setattr(PostgresVectors, "nearest", misses)
    moved = import_vectors(exported, gallery, postgres_address, probes=60)
    assert moved.recall is not None and (moved.recall.effort, moved.recall.value) == (None, 1.0)
    assert set(asked) == {200, 400, 1000, None}
    asked.clear()
    opened = Gallery.open(gallery)
    opened.search(np.eye(1, opened.store.identity.dimension, dtype=np.float32), 1)
    assert set(asked) == {None}
    opened.close()


def test_a_gallery_is_made_with_its_vectors_in_a_database(tmp_path: Path, postgres_address: str) -> None:
    path, vector = tmp_path / "new.gallery", np.eye(1, 128, dtype=np.float32)[0]
    create_gallery(path, "dlib-resnet", GallerySettings("none"), postgres_address)
    opened = Gallery.open(path)
    assert opened.store.vectors_at == postgres_address and opened.store.settings().keep == "none"
    opened.store.add([NewTemplate("An", "sha", vector, None)])
    assert [one.subject for one in opened.search(vector[None], 1)[0]] == ["An"]
    opened.close()
    assert vector.tobytes() not in path.read_bytes()
    assert [(one.topic, one.state) for one in check_vectors(path)] == [("vectors", "good"), ("recall", "note")]


def test_a_database_that_was_never_reached_has_no_copies(gallery: Path, exported: Path, postgres_server: str) -> None:
    """Doctor named copies there, and compacting waited for it."""
    with pytest.raises(GalleryError, match="cannot be reached"):
        import_vectors(exported, gallery, "postgresql://127.0.0.1:1/x?sslmode=disable")
    assert [one.topic for one in check_vectors(gallery)] == ["vectors"]
    assert "in the gallery file" in compact_vectors(gallery)


def test_where_the_database_cannot_be_reached_no_gallery_is_made(tmp_path: Path, postgres_server: str) -> None:
    path = tmp_path / "new.gallery"
    with pytest.raises(GalleryError, match="cannot be reached"):
        create_gallery(path, "dlib-resnet", GallerySettings(), "postgresql:///db?host=/nowhere")
    assert list(tmp_path.iterdir()) == []
