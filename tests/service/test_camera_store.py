"""Cameras survive a restart; their addresses are encrypted, and their events have no names."""

from pathlib import Path

import pytest

from mien.service.camera_file import FILE, CameraFile
from mien.service.camera_store import MAX_CAMERAS, CameraStore
from mien.service.errors import ServiceError

ADDRESS = "rtsp://admin:secret-word@10.0.0.7/door"
GALLERY = "0" * 32


def test_a_camera_is_there_after_a_restart_with_its_address(tmp_path: Path) -> None:
    store = CameraStore(CameraFile(tmp_path))
    added = store.add("Door", GALLERY, ADDRESS, "fmr:1e-4")
    store._file.close()
    again = CameraStore(CameraFile(tmp_path))
    assert again.all() == [added] and again.address(added.id) == ADDRESS
    assert (added.state, added.seen, added.policy) == ("starting", None, "fmr:1e-4")
    again._file.close()


def test_credentials_are_in_no_file(tmp_path: Path) -> None:
    store = CameraStore(CameraFile(tmp_path))
    store.add("Door", GALLERY, ADDRESS, "fmr:1e-4")
    store._file.close()
    assert all(b"secret-word" not in path.read_bytes() for path in tmp_path.iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / FILE, tmp_path / "cameras.key"))


def test_an_address_of_another_key_says_what_to_do(tmp_path: Path) -> None:
    store = CameraStore(CameraFile(tmp_path))
    camera = store.add("Door", GALLERY, ADDRESS, "fmr:1e-4")
    store._file.close()
    (tmp_path / "cameras.key").write_bytes(b"x" * 32)
    other = CameraStore(CameraFile(tmp_path))
    with pytest.raises(ServiceError, match="delete the camera and add it again"):
        other.address(camera.id)
    other._file.close()


def test_events_are_given_after_a_number_and_gone_with_their_camera(tmp_path: Path) -> None:
    store = CameraStore(CameraFile(tmp_path))
    door, gate = (store.add(name, GALLERY, ADDRESS, "fmr:1e-4") for name in ("Door", "Gate"))
    for place in range(5):
        store.add_event(door.id, float(place), {"event": "appeared", "track": place})
    store.add_event(gate.id, 9.0, {"event": "left"})
    first = store.events(door.id, 0, 2)
    assert [one.body["track"] for one in first] == [0, 1]
    assert [one.body["track"] for one in store.events(door.id, first[-1].number, 10)] == [2, 3, 4]
    store.delete(door.id)
    assert store.events(door.id, 0, 10) == [] and len(store.events(gate.id, 0, 10)) == 1
    store.add_event(door.id, 1.0, {"event": "left"})
    assert store.events(door.id, 0, 10) == [], "a process that still speaks leaves nothing behind"
    store._file.close()


def test_there_are_not_too_many_cameras(tmp_path: Path) -> None:
    store = CameraStore(CameraFile(tmp_path))
    for place in range(MAX_CAMERAS):
        store.add(str(place), GALLERY, ADDRESS, "fmr:1e-4")
    with pytest.raises(ServiceError, match="at most 16 cameras"):
        store.add("one more", GALLERY, ADDRESS, "fmr:1e-4")
    store._file.close()


def test_a_camera_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    store = CameraStore(CameraFile(tmp_path))
    for call in (store.find, store.address, store.delete):
        with pytest.raises(ServiceError) as caught:
            call("0" * 16)
        assert caught.value.status == 404
    store._file.close()
