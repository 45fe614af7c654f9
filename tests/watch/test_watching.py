"""A video is watched from end to end: the real detector and recognizer, a portrait that moves through the frames."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

import mien
from mien.errors import CardError, ImageError
from mien.gallery.threshold_policies import parse_policy
from mien.models.options import EngineOptions
from mien.progress import Progress
from mien.types import Image
from mien.video import Video
from mien.watch.events import WatchEvent
from mien.watch.watcher import WatchedFrame
from mien.watch.watching import WatchReport, options_for, pause_of, watch_source
from video.mjpeg import Camera, camera


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, collins: Image) -> Path:
    """Eileen Collins comes from the left, 30 frames at 25 per second."""
    path = tmp_path_factory.mktemp("clip") / "door.avi"
    small = cv2.resize(collins[:, :, ::-1], (240, 240))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    for number in range(30):
        image = np.full((240, 320, 3), 90, np.uint8)
        image[:, 2 * number : 240 + 2 * number] = small
        writer.write(image)
    writer.release()
    return path


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory, collins_path: Path) -> Path:
    path = tmp_path_factory.mktemp("gallery") / "staff.gallery"
    mien.enrol_subject(path, "Eileen Collins", [collins_path])
    return path


@pytest.fixture(scope="module")
def watched(clip: Path, gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[WatchReport, Path, list]:
    copy, seen = tmp_path_factory.mktemp("copy") / "copy.mp4", list[object]()

    def draw(frame: WatchedFrame) -> Image:
        return np.full_like(frame.seen.frame.image, frame.people[0][0] * 60 if frame.people else 0)

    report = watch_source(
        gallery,
        str(clip),
        policy=parse_policy("fmr:1e-2"),
        copy_to=copy,
        draw=draw,
        on_event=seen.append,
        on_progress=seen.append,
    )
    return report, copy, seen


def test_a_person_who_walks_by_is_one_track_with_one_decision(watched: tuple[WatchReport, Path, list]) -> None:
    report, _, _ = watched
    assert report.decisions == {"Eileen Collins": 1} and report.error is None
    assert [one.kind for one in report.events] == ["appeared", "identified", "left"]
    assert report.frames == 30 and report.detections == 6, "in every 5th frame of 25 per second"
    assert report.tracks[0].frames == 30, "it is followed in the frames between"


def test_two_cameras_see_the_same_person_and_each_has_a_track_and_a_decision_of_its_own(
    watched: tuple[WatchReport, Path, list], clip: Path, gallery: Path
) -> None:
    with ThreadPoolExecutor(2) as cameras:
        seen = list(cameras.map(lambda _: watch_source(gallery, str(clip), policy=parse_policy("fmr:1e-2")), "ab"))
    for report in seen:
        assert report.decisions == {"Eileen Collins": 1}
        assert [(one.kind, one.track) for one in report.events] == [
            (one.kind, one.track) for one in watched[0].events
        ]


def test_events_and_progress_come_as_they_happen(watched: tuple[WatchReport, Path, list]) -> None:
    report, _, seen = watched
    assert [one for one in seen if not isinstance(one, Progress)] == list(report.events)
    assert seen.index(report.events[0]) < seen.index(report.events[1]) < len(seen) - 1
    assert [one.done for one in seen if isinstance(one, Progress)] == list(range(1, 31))


def test_the_annotated_copy_has_every_frame(watched: tuple[WatchReport, Path, list]) -> None:
    _, copy, _ = watched
    levels = [int(frame.image.mean()) for frame in Video(str(copy))]
    assert len(levels) == 30 and levels[0] < 20 and levels[-1] == pytest.approx(60, abs=6)


def test_a_video_that_is_missing_is_an_error_before_any_model_is_opened(gallery: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        watch_source(gallery, str(tmp_path / "none.mp4"))


def test_the_schedule_follows_the_rate_or_the_frames_that_were_asked_for() -> None:
    assert pause_of(None, 25) == pause_of(None, 0) == pytest.approx(1 / 5)
    assert pause_of(5, 25) == pytest.approx(0.2) and pause_of(1, 25) == 0 and pause_of(5, 0) == pytest.approx(0.2)


def test_models_of_a_live_source_have_one_thread_so_that_none_waits_for_another_on_a_busy_machine() -> None:
    assert options_for(EngineOptions(), live=True).threads == 1
    assert options_for(EngineOptions(threads=3), live=True).threads == 3
    assert options_for(EngineOptions(), live=False) == EngineOptions()


def test_a_stream_is_watched_until_it_is_interrupted_and_its_loss_is_an_event(gallery: Path, collins: Image) -> None:
    def send(door: Camera, stopped: threading.Event) -> None:
        image = np.asarray(cv2.resize(collins, (240, 240)), np.uint8)
        while not stopped.wait(0.03):
            door.send(image)

    def on_event(event: WatchEvent) -> None:
        if event.kind == "identified":
            stopped.set()
            door.cut(up=False)
        if event.kind == "camera-lost":
            raise KeyboardInterrupt

    stopped = threading.Event()
    with camera() as door:
        threading.Thread(target=send, args=(door, stopped), daemon=True).start()
        report = watch_source(gallery, door.address, policy=parse_policy("fmr:1e-2"), on_event=on_event)
    assert [one.kind for one in report.events] == ["appeared", "identified", "camera-lost", "left"]
    assert report.events[2].reasons and report.decisions == {"Eileen Collins": 1}
    assert all(one.wall is not None and one.source == door.address for one in report.events)


def test_a_camera_is_let_go_where_the_gallery_cannot_be_opened(gallery: Path, collins: Image) -> None:
    def send(door: Camera) -> None:
        while not stopped.wait(0.03):
            door.send(np.asarray(cv2.resize(collins, (120, 120)), np.uint8))

    stopped, before = threading.Event(), set(threading.enumerate())
    with camera() as door:
        threading.Thread(target=send, args=(door,), daemon=True).start()
        with pytest.raises(CardError):
            watch_source(gallery, door.address, policy=parse_policy("fmr:1e-9"))
        assert "live" not in {thread.name for thread in set(threading.enumerate()) - before}
        stopped.set()


def test_what_is_kept_of_a_camera_does_not_grow_without_end(
    gallery: Path, collins: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.watch.watching.MAX_KEPT", 2)
    shown, stopped = list[WatchEvent](), threading.Event()

    def send(door: Camera) -> None:
        image = np.asarray(cv2.resize(collins, (240, 240)), np.uint8)
        while not stopped.wait(0.05):
            door.send(image)

    def on_event(event: WatchEvent) -> None:
        shown.append(event)
        if event.kind == "identified":
            raise KeyboardInterrupt

    with camera() as door:
        threading.Thread(target=send, args=(door,), daemon=True).start()
        report = watch_source(gallery, door.address, policy=parse_policy("fmr:1e-2"), on_event=on_event)
        stopped.set()
    assert [one.kind for one in shown] == ["appeared", "identified", "left"]
    assert [one.kind for one in report.events] == ["identified", "left"]
    assert shown[-1].thumbnail is not None and all(one.thumbnail is None for one in report.events)
