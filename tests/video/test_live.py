"""Live sources: the newest frame, back after every loss, and nothing of what hostile cameras do ends the reading."""

import threading
import time
from collections.abc import Iterator
from queue import Queue

import cv2
import pytest

from mien.errors import ImageError
from mien.video import Frame, LiveSource, SourceState, is_live, shown_name
from video.mjpeg import BOUNDARY, Camera, camera, jpeg, level

WAITS = (0.02, 0.05, 0.1)


class Feed:
    """Keeps a camera sending one level, and takes frames in a thread of its own."""

    def __init__(self, made: Camera, source: LiveSource) -> None:
        self.camera, self.source = made, source
        self.frames, self.states = Queue[Frame](), Queue[SourceState]()
        source.listen(self.states.put)
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self) -> None:
        for frame in self.source:
            self.frames.put(frame)

    def until(self, value: int, width: int = 64, height: int = 48, seconds: float = 10.0) -> Frame:
        """Send frames of a level until one of them arrives, in whatever size the decoder gives it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.camera.send(level(value, width, height))
            while not self.frames.empty():
                frame = self.frames.get()
                if abs(int(frame.image.mean()) - value) < 4:
                    return frame
            self.camera.connected.wait(0.02)
        raise AssertionError(f"no frame of level {value} arrived")

    def state(self) -> SourceState:
        return self.states.get(timeout=10)


@pytest.fixture
def made() -> Iterator[Camera]:
    with camera() as one:
        yield one


@pytest.fixture
def feed(made: Camera) -> Iterator[Feed]:
    """Opened while the camera sends."""
    opening = threading.Thread(target=keep_sending, args=(made, 50), daemon=True)
    opening.start()
    source = LiveSource(made.address, read_limit=1.0, waits=WAITS)
    opening.join(5)
    found = Feed(made, source)
    yield found
    made.cut(up=False)
    source.close()


def keep_sending(made: Camera, value: int) -> None:
    """Enough frames for a decoder to begin."""
    made.connected.wait(5)
    for _ in range(8):
        made.send(level(value))


def test_frames_arrive_with_rising_times(feed: Feed) -> None:
    first, second = feed.until(60), feed.until(120)
    assert second.seconds > first.seconds and second.number > first.number


def test_a_slow_reader_gets_the_newest_frame_and_no_queue_of_old_ones(made: Camera) -> None:
    threading.Thread(target=keep_sending, args=(made, 20), daemon=True).start()
    source = LiveSource(made.address, read_limit=2.0, waits=WAITS)
    taken = iter(source)
    next(taken)
    for value in range(30, 230, 5):
        made.send(level(value))
    made.send(level(240))
    made.send(level(240))
    end = time.monotonic() + 5
    while not (source._newest is not None and source._newest[0].mean() > 235) and time.monotonic() < end:
        made.connected.wait(0.01)
    assert next(taken).image.mean() > 235, "not one of the 40 before it"
    source.close()


def test_a_source_that_is_cut_is_lost_and_back_and_both_are_said_once(feed: Feed, made: Camera) -> None:
    feed.until(60)
    made.cut(up=False)
    assert (feed.state().kind, feed.states.empty()) == ("lost", True)
    made.is_up = True
    feed.until(90)
    assert feed.state().kind == "back" and feed.states.empty()


def test_an_opening_that_fails_in_the_decoder_ends_nothing(
    feed: Feed, made: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.until(60)
    real, failed = cv2.VideoCapture, threading.Event()

    def fail_once(*arguments: object) -> object:
        if not failed.is_set():
            failed.set()
            raise cv2.error("no memory for a decoder")
        return real(*arguments)

    monkeypatch.setattr(cv2, "VideoCapture", fail_once)
    made.cut()
    feed.until(90)
    assert failed.is_set()


def test_ten_cuts_in_a_row_are_all_survived(feed: Feed, made: Camera) -> None:
    for value in range(40, 240, 20):
        made.cut()
        feed.until(value)
    assert made.connections >= 11


def test_a_camera_that_freezes_is_lost_and_opened_again(feed: Feed, made: Camera) -> None:
    feed.until(60)
    assert feed.state().reason == "silent", "the connection is open, and nothing comes"
    feed.until(100)
    assert feed.state().kind == "back"
    assert feed.source._limit == 2.0, "a camera that is there again gets more time"


def test_rubbish_between_frames_ends_nothing(feed: Feed, made: Camera) -> None:
    for rubbish in (b"\0" * 5000, BOUNDARY % 40 + b"no image at all", BOUNDARY % (1 << 40), b"HTTP/1.1 500\r\n\r\n"):
        made.send_bytes(rubbish)
        made.cut()
        feed.until(80)


def test_a_frame_that_ends_in_its_middle_ends_nothing(feed: Feed, made: Camera) -> None:
    data = jpeg(level(200, 640, 480))
    made.send_bytes(BOUNDARY % len(data) + data[: len(data) // 2])
    made.cut()
    assert feed.until(70).image.shape == (48, 64, 3)


def test_a_camera_may_change_its_size(feed: Feed) -> None:
    feed.until(60)
    feed.until(100, 96, 80)
    feed.until(150)


def test_whoever_waits_hears_that_time_passes(made: Camera) -> None:
    made.is_up = False
    source, waited = LiveSource(made.address, insist=True, waits=(5.0,)), list[float]()

    def stop(now: float) -> None:
        waited.append(now)
        source.close()

    source.listen(lambda state: None, stop)
    assert list(source) == [] and waited


def test_an_address_that_nobody_answers_is_an_error_without_its_password() -> None:
    with camera() as gone:
        address = gone.address
    with pytest.raises(ImageError, match="cannot be opened: nothing answers") as caught:
        LiveSource(address.replace("http://", "http://admin:secret@"))
    assert "secret" not in str(caught.value) and "admin" not in str(caught.value)


def test_credentials_are_sent_and_never_shown(made: Camera) -> None:
    threading.Thread(target=keep_sending, args=(made, 50), daemon=True).start()
    source = LiveSource(made.address.replace("http://", "http://admin:secret@") + "?token=abc", waits=WAITS)
    assert source.name == made.address
    source.close()


@pytest.mark.parametrize("address", ["rtsp://", "http:///x", "rtsp:// /x", "camera:x", "camera:100"])
def test_what_is_no_address_is_refused_in_one_sentence(address: str) -> None:
    with pytest.raises(ImageError):
        LiveSource(address)


def test_a_stream_cannot_name_a_file_of_this_machine(made: Camera) -> None:
    """A playlist that points to a file is what an attacker would send."""
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
    threading.Thread(target=lambda: made.connected.wait(5) and made.send_bytes(playlist), daemon=True).start()
    threading.Timer(0.3, made.cut).start()
    with pytest.raises(ImageError, match="cannot be opened"):
        LiveSource(made.address.replace(".mjpg", ".m3u8"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("rtsp://admin:p%40ss@cam.lan:554/live?user=a&pwd=b", "rtsp://cam.lan:554/live"),
        ("http://[fe80::1]:80/v", "http://[fe80::1]:80/v"),
        ("http://a:b@host:99999999/v", "http://"),
        ("rtsp://admin:12/34@cam.lan/live", "rtsp://"),
        ("rtsp://admin:12#34@cam.lan/live", "rtsp://"),
        ("rtsp://admin:12?34@cam.lan/live", "rtsp://"),
        ("rtsp://a:b@cam.lan/stream@1", "rtsp://cam.lan/stream@1"),
        ("camera:0", "camera:0"),
        ("door.mp4", "door.mp4"),
    ],
)
def test_what_a_source_is_called(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_a_password_with_a_question_mark_is_not_shown_and_the_remedy_is() -> None:
    with pytest.raises(ImageError, match=r"write / [?] and # of a password as %2F, %3F and %23") as caught:
        LiveSource("rtsp://admin:1?34@127.0.0.1:1/live")
    assert "admin" not in str(caught.value) and "34" not in str(caught.value)


def test_which_sources_are_live() -> None:
    assert all(map(is_live, ("camera:0", "rtsp://a/b", "RTSPS://a/b", "https://a/b")))
    assert not any(map(is_live, ("a.mp4", "rtsp", "ftp://a/b", "file:///a", "cameras/1.mp4")))
