"""MP4 files: what they say of themselves, times and size put right, sound copied as it is stored."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from fuzz import mutants
from mien.video import Video
from mien.video.boxes import Box, Mp4Error, read_movie
from mien.video.mp4 import count_frames, finish, has_sound, is_cut, shows_all_frames
from video.made_mp4 import CHUNKS, add_sound, sound_of


def written(path: Path, frames: int = 6, size: tuple[int, int] = (64, 48)) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20, size)
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), 40 * number, np.uint8))
    writer.release()
    return path


def ticks(path: Path, kind: bytes) -> tuple[float, float]:
    """Seconds of a movie or its first track, and seconds before its first frame."""
    movie = read_movie(path)[0]
    scale = struct.unpack_from(">I", movie.need(b"mvhd").data, 20)[0]
    track = next(one for one in movie.boxes if one.kind == b"trak")
    edits = track.need(b"edts", b"elst").data
    first_length, first_start = struct.unpack_from(">Qq", edits, 8)
    whole = movie.need(b"mvhd").data if kind == b"mvhd" else track.need(b"tkhd").data
    length = struct.unpack_from(">Q", whole, 24 if kind == b"mvhd" else 28)[0]
    return length / scale, first_length / scale if first_start == -1 else 0.0


def test_frames_get_their_own_times_and_the_video_its_length(tmp_path: Path) -> None:
    path, times = written(tmp_path / "a.mp4"), [0, 0.1, 0.15, 1.0, 2.5, 2.6]
    assert finish(path, times, 4.2, width=64, height=48) == 0
    video = Video(str(path))
    assert [frame.seconds for frame in video] == pytest.approx(times, abs=1e-3)
    assert video.seconds == pytest.approx(4.2, abs=0.01) and ticks(path, b"mvhd")[0] == pytest.approx(4.2)
    assert count_frames(path) == 6 and not has_sound(path)


@pytest.mark.parametrize(("stored", "wanted"), [((64, 48), (63, 47)), ((66, 50), (65, 49)), ((64, 48), (64, 48))])
def test_odd_sides_keep_their_size_and_their_pixels(
    stored: tuple[int, int], wanted: tuple[int, int], tmp_path: Path
) -> None:
    path = written(tmp_path / "a.mp4", size=stored)
    finish(path, [0, 1, 2, 3, 4, 5], 6, width=wanted[0], height=wanted[1])
    video = Video(str(path))
    frames = list(video)
    assert (video.width, video.height) == wanted and frames[0].image.shape == (wanted[1], wanted[0], 3)
    assert [round(frame.image.mean() / 40) for frame in frames] == [0, 1, 2, 3, 4, 5]


def test_sound_is_copied_byte_by_byte_and_starts_when_it_did(tmp_path: Path) -> None:
    source, copy = written(tmp_path / "source.mp4"), written(tmp_path / "copy.mp4")
    add_sound(source, pause=500)
    assert has_sound(source) and has_sound(copy) is False
    assert finish(copy, [0, 1, 2, 3, 4, 5], 6, width=64, height=48, sound=source) == 1
    assert sound_of(copy) == list(CHUNKS) and has_sound(copy)
    assert ticks(copy, b"tkhd") == pytest.approx((6.5, 0.5)), "the video starts half a second after the sound"
    assert len(list(Video(str(copy)))) == 6 and count_frames(copy) == 6


def test_sound_whose_data_are_missing_leaves_the_copy_as_it_was(tmp_path: Path) -> None:
    source, copy = written(tmp_path / "source.mp4"), written(tmp_path / "copy.mp4")
    add_sound(source, chunks=[b"0123456789" * 4])
    data = source.read_bytes()
    at = data.rindex(b"stco") + 12
    source.write_bytes(data[:at] + struct.pack(">I", len(data)) + data[at + 4 :])
    before = copy.read_bytes()
    with pytest.raises(Mp4Error, match="data of the sound are missing"):
        finish(copy, [0, 1, 2, 3, 4, 5], 6, width=64, height=48, sound=source)
    assert copy.read_bytes() == before


def test_a_file_without_all_its_frames_is_not_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp4")
    with pytest.raises(Mp4Error, match="some frames were not written"):
        finish(path, [0, 1, 2, 3, 4, 5, 6], 7, width=64, height=48)
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    assert is_cut(path)
    with pytest.raises(Mp4Error, match="cut short"):
        count_frames(path)
    movie, start = read_movie(written(path))
    path.write_bytes(movie.encode() + data[: start - 200])
    with pytest.raises(Mp4Error, match=r"cut short|data of frames are missing"):
        count_frames(path)


def test_a_trimmed_track_shows_fewer_frames_than_it_has(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp4")
    assert shows_all_frames(path)
    movie, start = read_movie(path)
    track = movie.need(b"trak")
    rows = struct.pack(">IIIiI", 0, 1, 100, 0, 1 << 16)
    movie = movie.with_box([b"trak"], track.with_box([b"edts"], Box(b"edts", (Box(b"elst", rows),))))
    path.write_bytes(path.read_bytes()[:start] + movie.encode())
    assert not shows_all_frames(path)


def test_damaged_tables_are_errors_of_their_own_and_bounded(tmp_path: Path) -> None:
    source, copy = written(tmp_path / "source.mp4"), written(tmp_path / "copy.mp4")
    add_sound(source)
    movie, start = read_movie(source)
    head, tables, whole = source.read_bytes()[:start], movie.encode(), copy.read_bytes()
    refused = 0
    for data in mutants(tables, 200, seed=15):
        source.write_bytes(head + data)
        copy.write_bytes(whole)
        for ask in (is_cut, has_sound, shows_all_frames):
            ask(source)
        try:
            finish(copy, [0, 1, 2, 3, 4, 5], 6, width=64, height=48, sound=source)
        except Mp4Error:
            refused += 1
            assert copy.read_bytes() == whole
        assert count_frames(copy) == 6
    assert 0 < refused < 200
