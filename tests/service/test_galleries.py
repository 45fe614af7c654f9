"""Galleries are found again after a restart, and erase whom they have to."""

import base64
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from mien.errors import GalleryError, MasterKeyError
from mien.gallery.profiles import Profile
from mien.gallery.records import GallerySettings, Identity, NewTemplate
from mien.gallery.stores.outside_vectors import WAITING, Table, waiting_text
from mien.gallery.threshold_policies import parse_policy
from mien.gallery.thresholds import ChosenThreshold, threshold_without_gallery
from mien.gallery.vectors import VECTOR_STORES
from mien.gallery.vectors.base import Near
from mien.service import galleries as module
from mien.service.engines import Engines
from mien.service.errors import ServiceError
from mien.service.galleries import DELETED, FOLDER, MARKED, Galleries


def test_galleries_are_found_again_by_their_ids_and_names(engines: Engines, tmp_path: Path) -> None:
    galleries = Galleries(tmp_path, engines.card)
    made = galleries.create("Cửa trước", GallerySettings(keep="none"))
    galleries.close()
    again = Galleries(tmp_path, engines.card)
    found = again.find(made.id)
    assert found.name == "Cửa trước" and found.fits and found.gallery.store.settings().keep == "none"
    with pytest.raises(ServiceError, match="no such gallery"):
        again.find("0" * 32)
    assert again.delete(made.id, None, lambda: None) == 0 and not list((tmp_path / FOLDER).iterdir())
    again.close()


def test_marks_of_deleted_galleries_do_not_pile_up(engines: Engines, tmp_path: Path) -> None:
    galleries, other = Galleries(tmp_path, engines.card), Galleries(tmp_path, engines.card)
    made = galleries.create("Door", GallerySettings())
    assert other.find(made.id).name == "Door"
    galleries.delete(made.id, None, lambda: None)
    (mark,) = (tmp_path / DELETED).iterdir()
    os.utime(mark, (time.time() - MARKED - 1,) * 2)
    other.forget_removed()
    assert not mark.exists()
    with pytest.raises(ServiceError, match="no such gallery"):
        other.find(made.id)
    other.close()
    galleries.close()


def test_a_wrong_or_missing_master_key_refuses_the_start(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_MASTER_KEY", base64.b64encode(b"1" * 32).decode())
    galleries = Galleries(tmp_path, engines.card)
    made = galleries.create("Door", GallerySettings())
    assert made.gallery.store.is_encrypted
    galleries.close()
    for key, says in ((b"2" * 32, "the master key is not the one of"), (b"short", "holds no master key")):
        monkeypatch.setenv("MIEN_MASTER_KEY", base64.b64encode(key).decode())
        with pytest.raises(MasterKeyError, match=says):
            Galleries(tmp_path, engines.card)
    monkeypatch.delenv("MIEN_MASTER_KEY")
    with pytest.raises(MasterKeyError, match="is encrypted: set MIEN_MASTER_KEY_FILE"):
        Galleries(tmp_path, engines.card)
    monkeypatch.setenv("MIEN_MASTER_KEY", base64.b64encode(b"1" * 32).decode())
    again = Galleries(tmp_path, engines.card)
    assert again.find(made.id).name == "Door" and not again.problems
    again.close()


def test_a_gallery_that_is_copied_in_under_the_service_loses_no_change_silently(
    engines: Engines, tmp_path: Path
) -> None:
    galleries = Galleries(tmp_path, engines.card)
    made, other = galleries.create("Door", GallerySettings()), galleries.create("Other", GallerySettings())
    copy = tmp_path / "copy"
    shutil.copy(made.path, copy)
    assert not galleries.unusable()
    copy.replace(made.path)
    with pytest.raises(ServiceError, match="restart the service") as caught:
        galleries.find(made.id)
    assert caught.value.status == 503 and galleries.find(other.id) is other
    (problem,) = galleries.unusable()
    assert made.id in problem
    galleries.close()


def test_thresholds_of_a_large_gallery_are_not_measured_for_each_person_who_comes_or_goes(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 100,000 people one identification took half a second after every erasure."""
    galleries, now, measured = Galleries(tmp_path, engines.card), [0.0], []
    found, policy = galleries.create("Door", GallerySettings()), parse_policy("fmr:1e-3")

    def resolve(*_: object) -> ChosenThreshold:
        measured.append(now[0])
        now[0] += seconds
        return threshold_without_gallery(engines.card, 1e-3)

    monkeypatch.setattr(module, "resolve_policy", resolve)
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    seconds = 0.5
    for state in range(4):
        found.gallery.store.add([template(state)])
        found.threshold(policy)
    assert measured == [0]
    found.threshold(policy, measure=True)
    assert measured == [0, 0.5], "where it is asked for"
    found.gallery.store.add([template(9)])
    now[0] += 0.5 / module.MEASURING
    found.threshold(policy)
    found.threshold(policy)
    assert len(measured) == 3, "once after a while"
    seconds, now[0] = 0.01, 100.0
    for state in range(10, 13):
        found.gallery.store.add([template(state)])
        found.threshold(policy)
    assert len(measured) == 6, "always where it is quick"
    galleries.close()


def template(number: int) -> NewTemplate:
    return NewTemplate(f"p{number}", str(number), np.full(128, number, np.float32), None)


def test_a_gallery_is_not_deleted_while_a_database_still_has_vectors_of_the_erased(
    engines: Engines, tmp_path: Path
) -> None:
    """Nobody would know any more what is to be removed there."""
    galleries = Galleries(tmp_path, engines.card)
    made = galleries.create("Door", GallerySettings())
    store = made.gallery.store
    store.create_subject(Profile("An"))
    gone = Table("postgresql:///x?host=/nowhere", store.identity)
    store.write_kept(WAITING, waiting_text({gone: ["0" * 32]}))
    with pytest.raises(ServiceError, match="cannot be reached: delete the gallery again"):
        galleries.delete(made.id, "Door", lambda: None)
    assert galleries.find(made.id) is made and store.subjects() == [] and made.path.exists()
    store.write_kept(WAITING, None)
    assert galleries.delete(made.id, None, lambda: None) == 0 and not made.path.exists()
    galleries.close()


class MadeUpVectors:
    """A database in memory: what its galleries put, by their ids."""

    kept: ClassVar[dict[str, dict[str, np.ndarray]]] = {}
    safe_effort = None

    def __init__(self, address: str, gallery: str, identity: Identity) -> None:
        self.address, self._mine = address, self.kept.setdefault(gallery, {})

    def count(self) -> int:
        return len(self._mine)

    def put(self, ids: list[str], vectors: np.ndarray) -> None:
        self._mine.update(zip(ids, vectors, strict=True))

    def get(self, ids: list[str]) -> np.ndarray:
        return np.array([self._mine[one] for one in ids], np.float32).reshape(len(ids), -1)

    def nearest(self, queries: np.ndarray, count: int, *, effort: int | None) -> list[Near]:
        return [Near(list(self._mine), self.get(list(self._mine))) for _ in queries]

    def close(self) -> None:
        """Nothing is open."""


def test_new_galleries_have_their_vectors_in_the_database_of_the_operator(
    tmp_path: Path, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = replace(VECTOR_STORES["postgresql"], package="numpy", open=MadeUpVectors)
    monkeypatch.setitem(VECTOR_STORES, "postgresql", kind)
    address, vector = "postgresql://db.example.org/mien", np.eye(1, 128, dtype=np.float32)[0]
    galleries = Galleries(tmp_path, engines.card, address)
    made = galleries.create("Door", GallerySettings())
    assert made.gallery.store.vectors_at == address
    made.gallery.store.add([NewTemplate("An", "sha", vector, None)])
    assert len(MadeUpVectors.kept[made.id]) == 1
    assert [one.subject for one in galleries.find(made.id).gallery.search(vector[None], 1)[0]] == ["An"]
    galleries.close()
    again = Galleries(tmp_path, engines.card)
    assert again.find(made.id).gallery.store.vectors_at == address, "also without the option"
    again.close()


def test_a_wrong_database_refuses_the_start_and_one_that_is_not_there_a_new_gallery(
    tmp_path: Path, engines: Engines
) -> None:
    pytest.importorskip("pg8000", reason="PostgreSQL needs mien[postgres]")
    with pytest.raises(GalleryError, match="vectors cannot be kept at 'nowhere'"):
        Galleries(tmp_path, engines.card, "nowhere")
    galleries = Galleries(tmp_path, engines.card, "postgresql:///db?host=/nowhere")
    with pytest.raises(GalleryError, match="cannot be reached"):
        galleries.create("Door", GallerySettings())
    assert list(galleries) == [] and not list((tmp_path / FOLDER).iterdir())
    galleries.close()
