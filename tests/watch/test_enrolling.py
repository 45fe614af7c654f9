"""Somebody before a camera reads what to do, and enrolled with clear views of one face alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

import mien
from mien.errors import GalleryError
from mien.scope import Doubt
from mien.types import Image
from mien.watch.enrolling import enrol_from_camera, instruction_about
from video.mjpeg import Camera, camera


@contextmanager
def showing(scenes: list[Image]) -> Iterator[tuple[Camera, threading.Event]]:
    """A camera that shows the first scene until the event is set, then the next one; the last one stays."""
    stopped, turn = threading.Event(), threading.Event()

    def send(door: Camera) -> None:
        left, number = list(scenes), 0
        while not stopped.wait(0.1):
            if turn.is_set() and len(left) > 1:
                left.pop(0)
                turn.clear()
            number += 1
            image = left[0].copy()
            image[350:, number % 480] = number % 255
            door.send(image)

    with camera() as door:
        threading.Thread(target=send, args=(door,), daemon=True).start()
        yield door, turn
        stopped.set()


def placed(portrait: Image, side: int) -> Image:
    scene = np.full((360, 480, 3), 120, np.uint8)
    scene[:side, :side] = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    return scene


def test_the_person_is_told_to_come_nearer_and_is_then_enrolled(collins: Image, tmp_path: Path) -> None:
    wall, far, near = (np.full((360, 480, 3), 120, np.uint8), placed(collins, 110), placed(collins, 340))
    said = list[str]()
    with showing([wall, far, near]) as (door, turn):

        def on_instruction(one: mien.messages.Message) -> None:
            said.append(one.code)
            if one.code in ("live.nobody", "live.size"):
                turn.set()

        report = enrol_from_camera(
            tmp_path / "g.gallery", "Eileen Collins", door.address, on_instruction=on_instruction
        )
    assert report.counts == {"enrolled": 3}
    assert said[:2] == ["live.nobody", "live.size"] and said[-1] == "live.good"
    assert [row.name for row in mien.Gallery.open(tmp_path / "g.gallery").subjects()] == ["Eileen Collins"]


def test_nothing_is_enrolled_where_there_is_no_clear_view_in_time(tmp_path: Path) -> None:
    with (
        showing([np.full((360, 480, 3), 120, np.uint8)]) as (door, _),
        pytest.raises(GalleryError, match=r"gave 0 of 3 clear views within 1 seconds \(.*Nobody is in sight"),
    ):
        enrol_from_camera(tmp_path / "g.gallery", "An", door.address, limit=1)
    assert not (tmp_path / "g.gallery").exists()


def test_somebody_else_who_steps_in_begins_again(
    collins: Image, hopper: Image, collins_path: Path, tmp_path: Path
) -> None:
    first, second = placed(collins, 340), placed(np.asarray(hopper[:512], np.uint8), 340)
    said = list[str]()
    with showing([first, second]) as (door, turn):

        def on_instruction(one: mien.messages.Message) -> None:
            said.append(one.code)
            if one.code == "live.good":
                turn.set()

        report = enrol_from_camera(
            tmp_path / "g.gallery", "Grace Hopper", door.address, on_instruction=on_instruction
        )
    assert "live.another" in said and report.counts == {"enrolled": 3}
    stored = mien.identify(tmp_path / "g.gallery", [collins_path])
    assert stored.known == 0, "no view of the first person was enrolled"


def test_a_subject_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="needs a name"):
        enrol_from_camera(tmp_path / "g.gallery", " ", "camera:0")


def test_what_explains_the_others_is_said_first() -> None:
    def doubt(code: str) -> Doubt:
        return Doubt(code=code, value=1.0, rate=None, holds=False, fmr=None)

    assert instruction_about([doubt("sharpness"), doubt("pose")]).code == "live.pose"
    assert instruction_about([doubt("tones"), doubt("size")]).code == "live.size"
