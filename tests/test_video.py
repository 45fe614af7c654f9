"""Videos are read in order, as far as they go."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.errors import ImageError
from mien.video import Video, is_video, write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames of 96x64 whose red grows by 4."""
    path = tmp_path_factory.mktemp("video") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (96, 64))
    for number in range(60):
        writer.write(np.full((64, 96, 3), (0, 0, 4 * number), np.uint8))
    writer.release()
    return path


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


@pytest.mark.parametrize("name", ["nothere.mp4", "camera:x"])
def test_what_is_not_a_video_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(ImageError, match=name):
        Video(name)


def test_rubbish_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "rubbish.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(ImageError, match="cannot be opened"):
        Video(str(tmp_path / "rubbish.mp4"))


def test_what_is_written_can_be_read(clip: Path, tmp_path: Path) -> None:
    source = Video(str(clip))
    with write_video(tmp_path / "out" / "copy.mp4", source) as write:
        for frame in source:
            write(frame.image)
        assert not (tmp_path / "out" / "copy.mp4").exists()
    copy = Video(str(tmp_path / "out" / "copy.mp4"))
    assert (copy.width, copy.height, copy.rate) == (96, 64, 20) and sum(1 for _ in copy) == 60
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["copy.mp4"]


def test_a_video_that_is_interrupted_is_absent(clip: Path, tmp_path: Path) -> None:
    frame = next(iter(Video(str(clip))))
    with pytest.raises(KeyboardInterrupt), write_video(tmp_path / "copy.mp4", Video(str(clip))) as write:
        write(frame.image)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_video_of_unknown_rate_is_written_with_25_frames_per_second(clip: Path, tmp_path: Path) -> None:
    source = Video(str(clip))
    frame, source.rate = next(iter(source)), 0.0
    with write_video(tmp_path / "copy.mp4", source) as write:
        write(frame.image)
    assert Video(str(tmp_path / "copy.mp4")).rate == 25


def test_a_place_where_nothing_can_be_written_is_an_error(clip: Path, tmp_path: Path) -> None:
    source = Video(str(clip))
    source.width = 0
    with pytest.raises(ImageError, match="cannot be written as a video"), write_video(tmp_path / "a.mp4", source):
        pass
    assert list(tmp_path.iterdir()) == []


def test_videos_are_recognized_by_their_ending() -> None:
    assert is_video("a/b.MP4") and is_video("camera:0") and not is_video("a.jpg")


@pytest.mark.parametrize(("promised", "broken"), [(62, False), (63, True)])
def test_headers_may_count_two_in_a_hundred_frames_too_many(clip: Path, promised: int, broken: bool) -> None:
    video = Video(str(clip))
    video.frames = promised
    assert sum(1 for _ in video) == 60 and bool(video.fault) is broken
