"""Videos are read in order, as far as they go."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from fuzz import mutants
from mien.errors import ImageError
from mien.types import Image
from mien.video import Video, is_video, reading, write_video

MATROSKA = b"\x1a\x45\xdf\xa3"
CODECS = {"avi": "MJPG", "mp4": "mp4v", "webm": "VP90"}


def test_frames_come_in_order_as_rgb_with_their_times(clip: Path) -> None:
    video = Video(str(clip))
    assert (video.width, video.height, video.rate, video.frames) == (96, 64, 20, 60)
    frames = list(video)
    assert [frame.number for frame in frames] == list(range(60)) and not video.fault
    assert frames[40].seconds == pytest.approx(2.0)
    reds = [frame.image[..., 0].mean() for frame in frames]
    assert np.allclose(reds, 4 * np.arange(60), atol=4) and frames[50].image[..., 2].mean() < 10


def test_a_video_that_breaks_off_is_read_as_far_as_it_goes_and_says_so(clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    broken = tmp_path / "broken.avi"
    broken.write_bytes(data[: len(data) // 2])
    video = Video(str(broken))
    count = sum(1 for _ in video)
    assert 10 < count < 50
    assert str(count) in video.fault and "breaks off" in video.fault


def test_a_reader_that_stops_early_leaves_no_thread(clip: Path) -> None:
    for frame in Video(str(clip)):
        if frame.number == 3:
            break


@pytest.mark.parametrize(
    "name", ["nothere.mp4", "camera:x", "camera:²", "camera:٣", "camera:", "camera:999999999999"]
)
def test_what_is_not_a_video_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(ImageError, match=name):
        Video(name)


def test_rubbish_is_an_error_and_opencv_says_nothing_of_its_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rubbish.mp4").write_bytes(b"no video" * 100)
    for name in (str(tmp_path / "rubbish.mp4"), "camera:99"):
        with pytest.raises(ImageError, match="cannot be opened"):
            Video(name)
    assert "WARN" not in capfd.readouterr().err


def test_videos_are_recognized_by_their_ending() -> None:
    assert is_video("a/b.MP4") and is_video("camera:0") and not is_video("a.jpg")


@pytest.mark.parametrize(("promised", "broken"), [(62, False), (63, True)])
def test_headers_may_count_two_in_a_hundred_frames_too_many(clip: Path, promised: int, broken: bool) -> None:
    video = Video(str(clip))
    video.frames = promised
    assert sum(1 for _ in video) == 60 and bool(video.fault) is broken


class Recording:
    """What OpenCV would give for a file: frames with their times, and what the header says."""

    def __init__(self, times: Sequence[float], rate: float = 0.0, count: float = -9.2e18) -> None:
        self._times, self._header = list(times), {cv2.CAP_PROP_FPS: rate, cv2.CAP_PROP_FRAME_COUNT: count}
        self._now = 0.0

    def isOpened(self) -> bool:  # noqa: N802 - the name of OpenCV
        return True

    def get(self, key: int) -> float:
        return 1000 * self._now if key == cv2.CAP_PROP_POS_MSEC else self._header.get(key, 8)

    def read(self) -> tuple[bool, Image | None]:
        if not self._times:
            return False, None
        self._now = self._times.pop(0)
        if self._now < 0:
            raise cv2.error("damaged")
        return True, np.zeros((8, 8, 3), np.uint8)

    def release(self) -> None:
        pass


def live_recording(frames: int) -> bytes:
    """A WebM file as a browser writes it, of unknown length: a track of video and blocks without data."""
    tracks = b"\x16\x54\xae\x6b\x88" + b"\xae\x86" + b"\xd7\x81\x01" + b"\x83\x81\x01"
    unknown = b"\x01" + b"\xff" * 7
    head = MATROSKA + b"\x80" + b"\x18\x53\x80\x67" + unknown + tracks + b"\x1f\x43\xb6\x75" + unknown
    return head + b"\xa3\x84\x81\0\0\x80" * frames


def opened(monkeypatch: pytest.MonkeyPatch, path: Path, recording: Recording, head: bytes = MATROSKA) -> Video:
    path.write_bytes(head if head != MATROSKA else live_recording(len(recording._times)))
    monkeypatch.setattr(reading.cv2, "VideoCapture", lambda *_: recording)
    return Video(str(path))


def test_frames_of_a_rate_that_varies_have_the_times_at_which_they_are_shown(clip: Path, tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.08, 0.5, 0.54, 1.7, 2.8]
    source = Video(str(clip))
    with write_video(tmp_path / "varied.mp4", source) as copy:
        for frame, seconds in zip(source, times, strict=False):
            copy.add(frame.image, seconds)
    video = Video(str(tmp_path / "varied.mp4"))
    assert [frame.seconds for frame in video] == pytest.approx(times, abs=1e-3) and not video.fault


def test_recordings_of_browsers_without_rate_and_length_have_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = opened(monkeypatch, tmp_path / "a.webm", Recording([0.2, 0.3, 1.2], rate=1000.0))
    assert (video.rate, video.frames, video.seconds) == (0, 0, 0)
    assert [frame.seconds for frame in video] == pytest.approx([0, 0.1, 1.0]) and not video.fault


def test_frames_that_a_recording_holds_and_that_cannot_be_decoded_are_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording(np.linspace(0, 4, 40).tolist())
    video = opened(monkeypatch, tmp_path / "a.webm", recording)
    del recording._times[20:]
    assert sum(1 for _ in video) == 20 and "is damaged: 20 of 40 frames could be read" in video.fault


def test_a_guessed_count_of_frames_is_no_false_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = np.linspace(0, 4.1, 45).tolist()
    video = opened(monkeypatch, tmp_path / "a.mkv", Recording(times, rate=25.0, count=105))
    assert sum(1 for _ in video) == 45 and video.fault == ""


def test_frames_without_times_are_counted_over_the_rate_and_none_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = opened(monkeypatch, tmp_path / "a.h264", Recording([0.0] * 4, rate=20.0))
    assert [frame.seconds for frame in raw] == pytest.approx([0, 0.05, 0.1, 0.15])
    jumps = opened(monkeypatch, tmp_path / "a.ts", Recording([5.0, 5.04, 0.0, 5.2], rate=25.0))
    assert [frame.seconds for frame in jumps] == pytest.approx([0, 0.04, 0.08, 0.2])


def test_a_decoder_that_raises_ends_the_video_and_not_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = opened(monkeypatch, tmp_path / "a.mkv", Recording([0.0, 0.04, -1.0]))
    assert sum(1 for _ in video) == 2 and "a.mkv is damaged" in video.fault


def test_a_video_without_a_single_frame_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = opened(monkeypatch, tmp_path / "a.mkv", Recording([]))
    assert list(video) == [] and "no frame of it could be read" in video.fault


def test_frames_of_more_pixels_than_an_image_may_have_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording([0.0])
    recording._header |= {cv2.CAP_PROP_FRAME_WIDTH: 60_000, cv2.CAP_PROP_FRAME_HEIGHT: 60_000}
    with pytest.raises(ImageError, match="60000x60000 pixels, over the limit"):
        opened(monkeypatch, tmp_path / "a.mkv", recording)


def test_a_video_whose_name_is_not_utf8_is_read(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.avi")
    path.write_bytes(clip.read_bytes())
    assert sum(1 for _ in Video(str(path))) == 60


@pytest.mark.parametrize("name", ["a.mts", "a.ogv", "a.M2TS", "a.3gp", "a.wmv", "a.y4m"])
def test_what_opencv_opens_is_taken_for_a_video(name: str) -> None:
    assert is_video(name)


def test_a_video_of_an_unknown_ending_is_recognized_by_its_first_bytes(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "recording").write_bytes(clip.read_bytes())
    (tmp_path / "code.ts").write_text("export const one = 1\n" * 50)
    (tmp_path / "stream.ts").write_bytes((b"G" + bytes(187)) * 4)
    (tmp_path / "notes.txt").write_text("notes")
    found = [name for name in ("recording", "code.ts", "stream.ts", "notes.txt") if is_video(str(tmp_path / name))]
    assert found == ["recording", "stream.ts"]


def test_a_gif_is_a_video_where_it_moves(tmp_path: Path) -> None:
    images = [Pillow.new("L", (16, 16), shade) for shade in (0, 200)]
    images[0].save(tmp_path / "moves.gif", save_all=True, append_images=images[1:], duration=300)
    images[0].save(tmp_path / "still.gif")
    (tmp_path / "bad.gif").write_bytes(b"GIF89a")
    assert [is_video(str(tmp_path / f"{name}.gif")) for name in ("moves", "still", "bad")] == [True, False, False]
    frames = list(Video(str(tmp_path / "moves.gif")))
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.3])


@pytest.mark.parametrize("ending", ["avi", "mp4", "webm"])
def test_damaged_videos_are_read_or_refused_and_never_hang(ending: str, clip: Path, tmp_path: Path) -> None:
    source = tmp_path / f"whole.{ending}"
    writer = cv2.VideoWriter(str(source), cv2.VideoWriter.fourcc(*CODECS[ending]), 20, (96, 64))
    for frame in Video(str(clip)):
        writer.write(frame.image)
    writer.release()
    outcomes = Counter[str]()
    for number, data in enumerate(mutants(source.read_bytes(), 40, seed=15)):
        path = tmp_path / f"{number}.{ending}"
        path.write_bytes(data)
        try:
            video = Video(str(path))
            count = sum(1 for _ in video)
            outcomes["said" if video.fault else "read"] += 1
            assert count or video.fault, path
        except ImageError as reason:
            assert path.name in str(reason)
            outcomes["refused"] += 1
    assert outcomes.total() == 40 and len(outcomes) > 1


@pytest.mark.parametrize("ending", ["avi", "mp4", "webm"])
def test_a_video_that_is_cut_short_is_never_taken_for_whole(ending: str, clip: Path, tmp_path: Path) -> None:
    source = tmp_path / f"whole.{ending}"
    writer = cv2.VideoWriter(str(source), cv2.VideoWriter.fourcc(*CODECS[ending]), 20, (96, 64))
    for frame in Video(str(clip)):
        writer.write(frame.image)
    writer.release()
    data = source.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path = tmp_path / f"cut.{ending}"
        path.write_bytes(data[: int(share * len(data))])
        try:
            video = Video(str(path))
        except ImageError:
            continue
        count = sum(1 for _ in video)
        assert ("cut" in video.fault and str(count) in video.fault) or not count
