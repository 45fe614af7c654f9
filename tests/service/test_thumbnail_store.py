"""Thumbnails are encrypted, end with their hours or their subject, and cannot be read from a copy afterwards."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mien.gallery.records import Portrait
from mien.service import thumbnail_store as module
from mien.service.camera_file import FILE
from mien.service.camera_stores import CameraStores
from mien.service.errors import ServiceError
from mien.service.face_keys import HOUR
from mien.watch.unknown import KeptFace

GALLERY, AN, BINH = "a" * 32, "1" * 32, "2" * 32
FIRST, SECOND = "f" * 16, "5" * 16


class Service:
    """The stores of a service at a time that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000 * HOUR
        self.stores = CameraStores.open(folder, lambda: self.now)
        self.thumbnails = self.stores.thumbnails

    def camera(self, gallery: str = GALLERY, hours: float = 24.0) -> str:
        add = self.stores.cameras.add
        return add("Door", gallery, "rtsp://10.0.0.7/", "fmr:1e-4", keep_unknown=hours, keep_thumbnails=hours).id

    def image(self, camera: str, thumbnail: str) -> bytes:
        return self.thumbnails.image(self.thumbnails.find(camera, thumbnail))

    def visit(self, camera: str) -> str:
        portrait = Portrait(b"PORTRAIT", np.zeros((5, 2), np.float32))
        visit = self.stores.unknown.keep(camera, [KeptFace(np.ones(4, np.float32), portrait)], "c" * 16)
        assert visit is not None
        return visit.id


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.stores.close()


def is_gone(service: Service, camera: str, thumbnail: str) -> bool:
    try:
        service.image(camera, thumbnail)
    except ServiceError as reason:
        assert reason.status == 404
        return True
    return False


def test_a_track_has_one_thumbnail_and_it_is_the_newest_over_a_restart(service: Service, tmp_path: Path) -> None:
    camera = service.camera()
    for jpeg, subject in ((b"far away", None), (b"near", AN), (b"nearest", None)):
        service.thumbnails.keep(camera, FIRST, jpeg, subject)
    assert service.thumbnails.there(camera) == {FIRST}
    assert service.thumbnails.find(camera, FIRST).subject == AN, "as whom it was named last"
    service.stores.close()
    again = Service(tmp_path)
    assert again.image(camera, FIRST) == b"nearest"
    again.stores.close()


def test_a_camera_that_keeps_none_or_is_gone_keeps_none(service: Service) -> None:
    camera = service.camera(hours=0)
    service.thumbnails.keep(camera, FIRST, b"JPEG", None)
    service.stores.cameras.delete(camera)
    service.thumbnails.keep(camera, SECOND, b"JPEG", None)
    assert service.thumbnails.there(camera) == set()


def test_no_file_has_an_image_in_the_clear(service: Service, tmp_path: Path) -> None:
    service.thumbnails.keep(service.camera(), FIRST, b"JPEG of a stranger", None)
    service.thumbnails.keep(service.camera(), SECOND, b"JPEG of a subject", AN)
    assert all(b"JPEG of" not in path.read_bytes() for path in tmp_path.iterdir())


def test_a_thumbnail_of_another_camera_is_not_found(service: Service) -> None:
    camera, other = service.camera(), service.camera()
    service.thumbnails.keep(camera, FIRST, b"JPEG", None)
    assert is_gone(service, other, FIRST) and not is_gone(service, camera, FIRST)


@pytest.mark.parametrize("end", ["its hours are over", "its subject is erased"])
def test_what_ended_cannot_be_read_from_a_copy_with_the_keys_of_now(
    service: Service, tmp_path: Path, end: str
) -> None:
    camera, copy = service.camera(), tmp_path / "backup"
    service.thumbnails.keep(camera, FIRST, b"An", AN)
    service.thumbnails.keep(camera, SECOND, b"Binh", BINH)
    service.stores.file.close()
    copy.mkdir()
    shutil.copy(tmp_path / FILE, copy)
    if end == "its hours are over":
        service.now += 24 * HOUR
        assert service.thumbnails.there(camera) == set() and len(service.thumbnails.expired()) == 2
        service.thumbnails.delete(service.thumbnails.expired())
        left = set[str]()
    else:
        service.thumbnails.erase_subject(GALLERY, AN)
        left = {SECOND}
    assert service.thumbnails.there(camera) == left
    service.stores.close()
    for name in ("faces.keys", "faces.key"):
        shutil.copy(tmp_path / name, copy)
    from_backup = Service(copy)
    assert {one for one in (FIRST, SECOND) if not is_gone(from_backup, camera, one)} == left
    from_backup.stores.close()


def test_keys_of_hours_go_when_nothing_needs_them_and_a_subject_keeps_theirs(service: Service) -> None:
    camera = service.camera()
    for _ in range(30):
        service.thumbnails.keep(camera, FIRST, b"JPEG", AN)
        service.now += HOUR
    with service.stores.file.transaction() as db:
        purposes = [one for (one,) in db.execute("SELECT purpose FROM face_keys ORDER BY purpose")]
    assert purposes == [f"hour {(service.now - HOUR + 24 * HOUR) // HOUR:.0f}", f"subject {AN}"]
    assert service.thumbnails.subjects() == [(GALLERY, AN)]


def test_a_thumbnail_and_a_visit_of_one_hour_share_a_key_that_both_need(service: Service) -> None:
    camera = service.camera()
    service.thumbnails.keep(camera, FIRST, b"JPEG", None)
    visit = service.visit(camera)
    service.stores.unknown.delete(service.stores.unknown.find(GALLERY, [visit]))
    assert service.image(camera, FIRST) == b"JPEG"
    service.visit(camera)
    service.thumbnails.delete([service.thumbnails.find(camera, FIRST)])
    (left,) = service.stores.unknown.visits(GALLERY)
    assert service.stores.unknown.faces(left)[0].portrait.jpeg == b"PORTRAIT"


@pytest.mark.parametrize("end", ["erased or named", "ignored"])
def test_the_thumbnail_of_an_unknown_person_goes_with_the_visit(service: Service, end: str) -> None:
    camera, unknown = service.camera(), service.stores.unknown
    visit = service.visit(camera)
    for one in (FIRST, SECOND):
        service.thumbnails.keep(camera, one, b"JPEG", None)
    service.thumbnails.attach(FIRST, visit)
    found = unknown.find(GALLERY, [visit])
    if end == "ignored":
        unknown.ignore(found)
    else:
        unknown.delete(found)
    assert service.thumbnails.there(camera) == {SECOND}


def test_the_oldest_make_room(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_THUMBNAILS", 2)
    camera, other = service.camera(), service.camera()
    service.thumbnails.keep(other, FIRST, b"JPEG", None)
    for number in range(4):
        service.thumbnails.keep(camera, f"{number:016x}", b"JPEG", None)
    assert service.thumbnails.there(camera) == {f"{number:016x}" for number in (2, 3)}
    assert service.thumbnails.there(other) == {FIRST}


def test_a_deleted_camera_or_gallery_leaves_no_thumbnail_and_no_key(service: Service) -> None:
    door, gate, other = service.camera(), service.camera(), service.camera("b" * 32)
    for number, camera in enumerate((door, gate, other)):
        service.thumbnails.keep(camera, f"{number:016x}", b"JPEG", AN)
    service.stores.cameras.delete(door)
    assert [one.camera for one in service.thumbnails.expired()] == [door], "also where the service ended in between"
    service.stores.delete_camera(gate)
    assert service.thumbnails.there(gate) == set()
    service.stores.delete_gallery(GALLERY)
    assert service.thumbnails.expired() == [] and service.thumbnails.subjects() == [("b" * 32, AN)]
    assert service.image(other, f"{2:016x}") == b"JPEG"
