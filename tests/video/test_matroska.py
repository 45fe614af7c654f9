"""Matroska files: blocks are counted, and damage between them is noticed."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.video import Video
from mien.video.matroska import count_frames, has_sound, is_cut


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """40 frames of noise, so that each block has some bytes."""
    path = tmp_path / "film.mkv"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 20, (64, 48))
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3)).astype(np.uint8)
    for frame in noise:
        writer.write(frame)
    writer.release()
    return path


def test_the_frames_of_a_file_are_counted(film: Path) -> None:
    assert count_frames(film) == 40 and not is_cut(film) and not has_sound(film)
    video = Video(str(film))
    assert sum(1 for _ in video) == 40 and video.fault == ""


def test_frames_that_are_damaged_in_the_middle_are_missed(film: Path) -> None:
    data = film.read_bytes()
    third = len(data) // 3
    film.write_bytes(data[:third] + bytes(third) + data[2 * third :])
    assert count_frames(film) is None, "zeros do not begin an element"
    video = Video(str(film))
    count = sum(1 for _ in video)
    assert count < 40 and f"is damaged: {count} frames could be read" in video.fault


def test_a_file_that_is_cut_says_so_and_has_no_count(film: Path) -> None:
    data = film.read_bytes()
    film.write_bytes(data[: len(data) // 2])
    assert is_cut(film) and count_frames(film) is None
    video = Video(str(film))
    count = sum(1 for _ in video)
    assert 0 < count < 40 and f"breaks off: {count} frames could be read" in video.fault


@pytest.mark.parametrize(
    "data", [b"", b"\x1a", b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa3\x81\0\x18\x53\x80\x67\x80", bytes(50)]
)
def test_scraps_have_no_frames(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "scrap").write_bytes(data)
    assert not count_frames(tmp_path / "scrap") and not is_cut(tmp_path / "scrap")
