"""What is timed, and what is not: the calls of a detector, on images of the right size."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien.evaluate.detectors import timing
from mien.evaluate.detectors.timing import frames_per_second, peak_memory, sample_image, time_detector
from mien.types import Faces, Image


class Sleeper:
    """Takes a while per call, and records the shapes of what it is given."""

    name, longest, min_score = "sleeper", 640, 0.5

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.calls = seconds, list[list[tuple[int, ...]]]()

    def detect(self, images: list[Image]) -> list[Faces]:
        self.calls.append([image.shape for image in images])
        time.sleep(self.seconds)
        return [() for _ in images]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Five frames."""
    video = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(5):
        video.write(np.zeros((48, 64, 3), np.uint8))
    video.release()
    return tmp_path / "clip.avi"


def test_the_sample_is_the_first_image_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    Pillow.new("RGB", (90, 60), (1, 2, 3)).save(tmp_path / "a.png")
    sample = sample_image([tmp_path / "gone.jpg", tmp_path / "broken.jpg", tmp_path / "a.png"])
    assert sample.shape == (60, 90, 3) and (sample == (1, 2, 3)).all()


def test_without_one_it_is_the_same_noise_each_time(tmp_path: Path) -> None:
    noise = sample_image([tmp_path / "gone.jpg"])
    assert noise.shape == (480, 640, 3) and noise.std() > 60 and (noise == sample_image([])).all()


def test_times_are_per_image_and_the_first_call_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "TIMED", 3)
    detector = Sleeper(0.02)
    found = time_detector(detector, np.zeros((50, 40, 3), np.uint8), (64, 48), 4)
    assert detector.calls == [[(48, 64, 3)], *[[(48, 64, 3)] * 4] * 3]
    assert (found.width, found.height, found.batch) == (64, 48, 4)
    assert 5 <= found.median <= found.p95 < 15, "20 ms a call, 4 images in each"


def test_a_slow_detector_is_timed_at_any_rate() -> None:
    detector = Sleeper()
    time_detector(detector, np.zeros((50, 40, 3), np.uint8), (64, 48), 1, seconds=0.0)
    assert len(detector.calls) == 2


def test_frames_are_detected_one_at_a_time_with_their_decoding(clip: Path) -> None:
    detector = Sleeper(0.01)
    rate = frames_per_second(detector, clip)
    assert detector.calls == [[(48, 64, 3)]] * 5 and 0 < rate < 100


def test_a_long_video_is_left_early(clip: Path) -> None:
    detector = Sleeper(0.01)
    frames_per_second(detector, clip, seconds=0.015)
    assert 1 <= len(detector.calls) <= 2


def test_the_peak_memory_is_that_of_this_process() -> None:
    before = peak_memory()
    block = np.ones(80 * 2**20, np.uint8)
    assert 10 < before <= peak_memory() and block[-1] == 1
