"""Copies of videos are as long and as large as the original, have its sound, and are whole or absent."""

import os
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.errors import ImageError
from mien.output_names import INDEX, OutputGuard
from mien.video import Video, write_video, writing
from video.made_mp4 import CHUNKS, add_sound, sound_of


def copied(source: Path, target: Path, frames: int | None = None) -> str:
    """Copy a video; what is said of it."""
    video = Video(str(source))
    with OutputGuard().write(target) as scratch:
        with write_video(scratch, video) as copy:
            for frame in video:
                if frames is None or frame.number < frames:
                    copy.add(frame.image, frame.seconds)
        return copy.note


def test_what_is_written_can_be_read(clip: Path, tmp_path: Path) -> None:
    source, target = Video(str(clip)), tmp_path / "out" / "copy.mp4"
    with OutputGuard().write(target) as scratch, write_video(scratch, source) as copy:
        for frame in source:
            copy.add(frame.image, frame.seconds)
        assert not target.exists()
    video = Video(str(target))
    assert (video.width, video.height, video.rate) == (96, 64, 20) and sum(1 for _ in video) == 60
    assert sorted(path.name for path in target.parent.iterdir()) == [INDEX, "copy.mp4"]


@pytest.mark.parametrize("size", [(97, 64), (96, 63), (95, 61), (1, 1), (17, 31)])
def test_a_copy_of_odd_size_keeps_its_size(size: tuple[int, int], tmp_path: Path) -> None:
    source = tmp_path / "odd.avi"
    writer = cv2.VideoWriter(str(source), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter.fourcc(*"MJPG"), 20, size)
    for _ in range(3):
        writer.write(np.full((size[1], size[0], 3), 90, np.uint8))
    writer.release()
    copied(source, tmp_path / "copy.mp4")
    video = Video(str(tmp_path / "copy.mp4"))
    (frame, *_) = list(video)
    assert (video.width, video.height) == size and abs(float(frame.image.mean()) - 90) < 3


def test_a_copy_lasts_as_long_as_the_original(clip: Path, tmp_path: Path) -> None:
    """The last of three frames is shown until the end that the header promises."""
    copied(clip, tmp_path / "copy.mp4", frames=3)
    assert Video(str(tmp_path / "copy.mp4")).seconds == pytest.approx(3.0, abs=0.01)


def test_the_sound_of_an_mp4_file_is_in_the_copy(clip: Path, tmp_path: Path) -> None:
    copied(clip, tmp_path / "source.mp4")
    add_sound(tmp_path / "source.mp4")
    assert copied(tmp_path / "source.mp4", tmp_path / "copy.mp4") == ""
    assert sound_of(tmp_path / "copy.mp4") == list(CHUNKS)


def matroska(path: Path, clip: Path) -> Path:
    """A Matroska file that says that it has sound."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 20, (96, 64))
    for frame in Video(str(clip)):
        writer.write(frame.image)
    writer.release()
    path.write_bytes(path.read_bytes() + b"\xec\x8a\x86\x87A_OPUS\0")
    return path


def test_sound_that_cannot_be_copied_is_said(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = matroska(tmp_path / "source.mkv", clip)
    monkeypatch.setenv("PATH", "")
    note = copied(source, tmp_path / "copy.mp4")
    assert "source.mkv: its sound is not in the copy; with FFmpeg installed" in note
    assert copied(clip, tmp_path / "silent.mp4") == "", "nothing is said where there is no sound"


@pytest.mark.parametrize("works", [True, False])
def test_ffmpeg_copies_sound_where_it_is_installed(
    works: bool, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, tools = matroska(tmp_path / "source.mkv", clip), tmp_path / "bin"
    tools.mkdir()
    program = tools / "ffmpeg"
    last = 'for last; do :; done; cp "${6#file:}" "${last#file:}"; echo "$@" > "$(dirname "$0")/called"'
    program.write_text(f"#!/bin/sh\n{last if works else 'exit 1'}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    note = copied(source, tmp_path / "copy.mp4")
    assert (note == "") is works and sum(1 for _ in Video(str(tmp_path / "copy.mp4"))) == 60
    if works:
        assert f"file:{source}" in (tools / "called").read_text()
    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == ["copy.mp4"]


def test_a_copy_that_is_interrupted_is_absent(clip: Path, tmp_path: Path) -> None:
    source = Video(str(clip))
    frame = next(iter(source))
    target = tmp_path / "out" / "copy.mp4"
    with (
        pytest.raises(KeyboardInterrupt),
        OutputGuard().write(target) as scratch,
        write_video(scratch, source) as copy,
    ):
        copy.add(frame.image, frame.seconds)
        raise KeyboardInterrupt
    assert list(target.parent.iterdir()) == []


class Full:
    """A writer on a disk that is full after some frames, or that leaves frames out."""

    def __init__(self, path: str, *rest: object) -> None:
        self._path, self._inner = path, WRITER(path, *rest)

    def isOpened(self) -> bool:  # noqa: N802 - the name of OpenCV
        return bool(self._inner.isOpened())

    def write(self, image: np.ndarray) -> None:
        self.count = getattr(self, "count", 0) + 1
        if self.count != 5:
            self._inner.write(image)

    def release(self) -> None:
        self._inner.release()


class Cut(Full):
    """The end of the file did not fit on the disk."""

    def release(self) -> None:
        super().release()
        os.truncate(self._path, Path(self._path).stat().st_size * 2 // 3)


WRITER = cv2.VideoWriter


@pytest.mark.parametrize("kind", [Full, Cut])
def test_a_copy_that_did_not_fit_on_the_disk_is_absent(
    kind: type, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind.fourcc = WRITER.fourcc
    monkeypatch.setattr(writing.cv2, "VideoWriter", kind)
    with pytest.raises(ImageError, match=r"the copy of .*clip\.avi could not be written whole .*is the disk full"):
        copied(clip, tmp_path / "out" / "copy.mp4")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_video_without_frames_has_no_copy(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"no frame of .*clip\.avi could be read"):
        copied(clip, tmp_path / "out" / "copy.mp4", frames=0)
    assert list((tmp_path / "out").iterdir()) == []


def test_frames_that_change_their_size_are_all_in_the_copy(clip: Path, tmp_path: Path) -> None:
    source = Video(str(clip))
    path = tmp_path / "copy.mp4"
    with write_video(path, source) as copy:
        for number, size in enumerate([(64, 96), (128, 96), (30, 200)]):
            copy.add(np.full((*size, 3), 200, np.uint8), number / 10)
    frames = list(Video(str(path)))
    assert [frame.image.shape for frame in frames] == [(64, 96, 3)] * 3
    assert frames[1].image.mean() < 150 < frames[1].image[:, :40].mean()


def test_a_video_of_unknown_rate_is_written_with_25_frames_per_second(clip: Path, tmp_path: Path) -> None:
    source = Video(str(clip))
    frame, source.rate = next(iter(source)), 0.0
    with write_video(tmp_path / "copy.mp4", source) as copy:
        copy.add(frame.image, frame.seconds)
    assert Video(str(tmp_path / "copy.mp4")).rate == 25


def test_a_size_that_cannot_be_written_is_an_error(clip: Path, tmp_path: Path) -> None:
    source = Video(str(clip))
    with (
        pytest.raises(ImageError, match="frames of 9000x2 pixels cannot be written as a video"),
        write_video(tmp_path / "copy.mp4", source) as copy,
    ):
        copy.add(np.zeros((2, 9000, 3), np.uint8), 0.0)
