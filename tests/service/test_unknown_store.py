"""Visits of unknown people are encrypted, end with their hours, and cannot be read from a copy afterwards."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mien.errors import MienError
from mien.gallery.records import KeptDoubt, Portrait
from mien.service import unknown_store as module
from mien.service.camera_file import FILE
from mien.service.camera_stores import CameraStores
from mien.service.errors import ServiceError
from mien.service.face_keys import HOUR
from mien.watch.unknown import KeptFace

GALLERY, CONTRACT = "a" * 32, "c" * 16
DAY = 24 * HOUR


def face(value: float) -> KeptFace:
    landmarks = np.arange(10, dtype=np.float32).reshape(5, 2)
    doubts = (KeptDoubt("sharpness", -3.5),)
    return KeptFace(np.full(4, value, np.float32), Portrait(b"JPEG-bytes-of-a-face", landmarks), doubts)


class Service:
    """The stores of a service at a time that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.now = 10 * DAY
        self.stores = CameraStores.open(folder, lambda: self.now)
        self.file, self.cameras, self.unknown = self.stores.file, self.stores.cameras, self.stores.unknown

    def camera(self, gallery: str = GALLERY, hours: float = 24.0) -> str:
        return self.cameras.add("Door", gallery, "rtsp://10.0.0.7/door", "fmr:1e-4", keep_unknown=hours).id

    def close(self) -> None:
        self.stores.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.close()


def test_somebody_is_kept_with_samples_as_they_were_and_over_a_restart(service: Service, tmp_path: Path) -> None:
    visit = service.unknown.keep(service.camera(), [face(1), face(2)], CONTRACT)
    assert visit is not None and visit.expires == service.now + DAY
    service.close()
    again = Service(tmp_path)
    assert again.unknown.visits(GALLERY) == [visit]
    (vectors,) = again.unknown.embeddings([visit])
    assert vectors.tolist() == [[1, 1, 1, 1], [2, 2, 2, 2]]
    first = again.unknown.faces(visit)[0]
    assert first.embedding.tolist() == [1, 1, 1, 1] and first.doubts == (KeptDoubt("sharpness", -3.5),)
    assert first.portrait.jpeg == b"JPEG-bytes-of-a-face"
    np.testing.assert_array_equal(first.portrait.landmarks, face(1).portrait.landmarks)
    again.close()


def test_a_camera_that_keeps_nobody_or_is_gone_keeps_nobody(service: Service) -> None:
    camera = service.camera(hours=0)
    assert service.unknown.keep(camera, [face(1)], CONTRACT) is None
    service.cameras.delete(camera)
    assert service.unknown.keep(camera, [face(1)], CONTRACT) is None
    assert service.unknown.visits(GALLERY) == []


def test_no_file_has_an_embedding_or_a_portrait_in_the_clear(service: Service, tmp_path: Path) -> None:
    service.unknown.keep(service.camera(), [face(1)], CONTRACT)
    service.close()
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert np.full(4, 1, "<f4").tobytes() not in content and b"JPEG-bytes" not in content
        assert path.stat().st_mode & 0o077 == 0, path


def test_after_its_hours_a_visit_is_not_shown_and_then_erased_from_copies_too(
    service: Service, tmp_path: Path
) -> None:
    visit = service.unknown.keep(service.camera(), [face(1)], CONTRACT)
    assert visit is not None
    service.now += DAY - 1
    assert service.unknown.expired() == [] and len(service.unknown.visits(GALLERY)) == 1
    service.file.close()
    copy = tmp_path / "backup"
    copy.mkdir()
    shutil.copy(tmp_path / FILE, copy)
    service.now += 2
    assert service.unknown.visits(GALLERY) == [] and service.unknown.expired() == [visit]
    service.unknown.delete([visit])
    assert service.unknown.expired() == []
    service.close()
    for name in ("faces.keys", "faces.key"):
        shutil.copy(tmp_path / name, copy)
    from_backup = Service(copy)
    assert from_backup.unknown.faces(visit) == [], "its key is gone"
    assert len(from_backup.unknown.embeddings([visit])[0]) == 0
    from_backup.close()


def test_visits_of_one_hour_share_a_key_that_lives_as_long_as_one_of_them(service: Service) -> None:
    camera = service.camera()
    first, second = (service.unknown.keep(camera, [face(value)], CONTRACT) for value in (1, 2))
    service.now += HOUR
    third = service.unknown.keep(camera, [face(3)], CONTRACT)
    assert first is not None and second is not None and third is not None
    assert first.key == second.key != third.key
    service.unknown.delete([first])
    assert service.unknown.faces(first) == [] and len(service.unknown.faces(second)) == 1
    service.unknown.delete([second])
    assert service.unknown._keys._file.find(first.key) is None and len(service.unknown.faces(third)) == 1


def test_somebody_who_is_ignored_stays_after_the_hours_and_goes_when_erased(service: Service) -> None:
    camera = service.camera()
    visits = [service.unknown.keep(camera, [face(value)], CONTRACT) for value in (1, 2)]
    kept = [one for one in visits if one is not None]
    person = service.unknown.ignore(kept)
    service.now += 2 * DAY
    ignored = service.unknown.visits(GALLERY)
    assert {one.ignored for one in ignored} == {person} and {one.expires for one in ignored} == {None}
    assert service.unknown.expired() == [] and service.unknown.faces(ignored[0])
    assert service.unknown._keys._file.find(kept[0].key) is None, "the key of the hour is not needed any more"
    (people,) = service.unknown.ignored(GALLERY).values()
    assert [[row[0] for row in person] for person in people] == [[2, 1]], "one person of both visits"
    state = service.unknown.ignored_state(GALLERY)
    service.unknown.delete(ignored)
    assert service.unknown.visits(GALLERY) == [] and service.unknown.ignored(GALLERY) == {}
    assert service.unknown.ignored_state(GALLERY) != state


def test_the_oldest_make_room_where_too_many_people_come(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VISITS", 3)
    camera = service.camera()
    for value in range(5):
        service.unknown.keep(camera, [face(value)], CONTRACT)
    kept = service.unknown.visits(GALLERY)
    assert [rows[0, 0] for rows in service.unknown.embeddings(kept)] == [4, 3, 2]


def test_who_was_seen_by_a_deleted_camera_or_for_a_deleted_gallery_is_erased(service: Service) -> None:
    door, gate, other = service.camera(), service.camera(), service.camera("b" * 32)
    for camera in (door, gate, other):
        service.unknown.keep(camera, [face(1)], CONTRACT)
    service.cameras.delete(door)
    assert [one.camera for one in service.unknown.expired()] == [door], "also where the service ended in between"
    service.unknown.delete_of_camera(door)
    assert [one.camera for one in service.unknown.visits(GALLERY)] == [gate]
    service.unknown.ignore(service.unknown.visits(GALLERY))
    service.unknown.delete_of_gallery(GALLERY)
    assert service.unknown.visits(GALLERY) == [] and len(service.unknown.visits("b" * 32)) == 1


def test_another_gallerys_visit_is_not_found(service: Service) -> None:
    visit = service.unknown.keep(service.camera(), [face(1)], CONTRACT)
    assert visit is not None
    with pytest.raises(ServiceError) as caught:
        service.unknown.find("b" * 32, [visit.id])
    assert caught.value.status == 404


def test_another_master_key_says_what_the_operator_has_to_do(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = service.camera()
    service.unknown.keep(camera, [face(1)], CONTRACT)
    service.close()
    (tmp_path / "faces.key").write_bytes(b"x" * 32)
    again = Service(tmp_path)
    with pytest.raises(MienError, match=r"remove faces\.keys while it is stopped"):
        again.unknown.keep(camera, [face(2)], CONTRACT)
    again.close()


def test_after_the_keys_were_removed_former_visits_cannot_be_read_and_new_ones_are_kept(
    service: Service, tmp_path: Path
) -> None:
    camera = service.camera()
    former = service.unknown.keep(camera, [face(1)], CONTRACT)
    service.close()
    (tmp_path / "faces.keys").unlink()
    again = Service(tmp_path)
    new = [again.unknown.keep(camera, [face(value)], CONTRACT) for value in (2, 3)]
    assert former is not None and new[0] is not None and new[1] is not None
    assert again.unknown.faces(former) == [] and new[0].key == new[1].key != former.key
    assert [len(one) for one in again.unknown.embeddings([former, new[0]])] == [0, 1]
    again.unknown.delete([former])
    assert len(again.unknown.visits(GALLERY)) == 2
    again.close()


def test_a_file_of_an_earlier_version_gets_the_new_column(tmp_path: Path) -> None:
    import sqlite3

    former = sqlite3.connect(tmp_path / FILE)
    former.execute(
        "CREATE TABLE cameras (id TEXT PRIMARY KEY, name TEXT NOT NULL, gallery TEXT NOT NULL, "
        "address BLOB NOT NULL, policy TEXT NOT NULL, created REAL NOT NULL, state TEXT NOT NULL DEFAULT 'starting', "
        "message TEXT NOT NULL DEFAULT '', rate REAL NOT NULL DEFAULT 0, delay REAL NOT NULL DEFAULT 0, seen REAL)"
    )
    row = "'1', 'Door', 'g', x'00', 'fmr:1e-4', 0"
    former.execute(f"INSERT INTO cameras (id, name, gallery, address, policy, created) VALUES ({row})")
    former.commit()
    former.close()
    service = Service(tmp_path)
    assert [(one.name, one.keep_unknown) for one in service.cameras.all()] == [("Door", 0.0)]
    service.close()
