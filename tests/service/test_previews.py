"""An image of a camera is taken for who asks, given once it is there, and erased soon, encrypted all the while."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.service.camera_file import CameraFile
from mien.service.previews import KEPT, Previews

DOOR, GATE = "d" * 16, "e" * 16


class Room:
    """Previews at a time that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.now, self.file = 1000.0, CameraFile(folder)
        self.previews = Previews(self.file, lambda: self.now)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.file.close()


def test_an_image_is_wanted_until_it_is_there_and_another_worker_finds_it(room: Room, tmp_path: Path) -> None:
    assert room.previews.wanted() == {} and room.previews.find(DOOR) is None
    room.previews.ask(DOOR)
    assert room.previews.wanted() == {DOOR: 1000.0} and room.previews.find(DOOR) is None
    room.previews.put(DOOR, b"JPEG of a door")
    other = CameraFile(tmp_path)
    assert Previews(other, lambda: room.now).find(DOOR) == b"JPEG of a door"
    other.close()
    assert room.previews.wanted() == {} and room.previews.find(GATE) is None


def test_who_asks_again_gets_a_new_image(room: Room) -> None:
    room.previews.ask(DOOR)
    room.previews.put(DOOR, b"former")
    room.now += 1
    room.previews.ask(DOOR)
    assert room.previews.find(DOOR) is None and room.previews.wanted() == {DOOR: 1001.0}


def test_an_image_is_erased_after_seconds_and_one_that_nobody_wants_is_not_kept(room: Room, tmp_path: Path) -> None:
    room.previews.ask(DOOR)
    room.previews.put(DOOR, b"JPEG of a door")
    room.previews.put(GATE, b"JPEG of a gate")
    assert room.previews.find(GATE) is None
    assert all(b"JPEG of" not in path.read_bytes() for path in tmp_path.iterdir())
    room.now += KEPT
    room.previews.wanted()
    assert room.previews.find(DOOR) is None
