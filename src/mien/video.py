"""Frames of a video file or a camera, in order, decoded in their own thread; and writing videos. Detects nothing.

A file that ends before its header says so is read as far as it goes, and says so; a file that cannot be opened is an
error.
"""

import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.errors import ImageError
from mien.types import Image
from mien.whole_files import whole_file

SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".3gp")
"""Endings by which a path is taken for a video."""
CAMERA = "camera:"
"""The beginning of a camera's name; its number follows."""
WAITING = 8
"""Decoded frames that wait for the reader."""
TOLERATED = 0.02
"""Share of frames that headers commonly count too many."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image of a video.

    Attributes:
        number: 0 is the first.
        seconds: since the first.
        image: (H, W, 3) uint8 RGB.
    """

    number: int
    seconds: float
    image: Image


class Video:
    """An open video.

    Attributes:
        name: the file, or camera:N.
        width: in pixels.
        height: in pixels.
        rate: frames per second; 0 where it is not known.
        frames: how many its header promises; 0 where it is not known, as of cameras.
        fault: after it was read, a sentence where it ended early; else empty.
    """

    def __init__(self, name: str) -> None:
        """Open it.

        Raises:
            ImageError: there is no such file or camera, or it is not a video.
        """
        self.name, self.fault = name, ""
        # Silences FFmpeg's own lines about a damaged file; it reads this when it opens a file.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        if name.startswith(CAMERA):
            if not name.removeprefix(CAMERA).isdigit():
                raise ImageError(f"{name} is not a camera; name it by its number, as in camera:0")
            self._capture = cv2.VideoCapture(int(name.removeprefix(CAMERA)))
            reason = "there is no such camera, or another program has it"
        else:
            if not Path(name).is_file():
                raise ImageError(f"{name} does not exist")
            self._capture = cv2.VideoCapture(name)
            reason = "it is not a video, or it is damaged at its beginning"
        if not self._capture.isOpened():
            raise ImageError(f"{name} cannot be opened: {reason}")
        self.width, self.height = (
            int(self._capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.rate = rate if 0 < rate < 1000 else 0.0
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frames = int(count) if 0 < count < 1e9 and not name.startswith(CAMERA) else 0

    def __iter__(self) -> Iterator[Frame]:
        """All frames, once."""
        waiting: queue.Queue[Frame | None] = queue.Queue(WAITING)
        stopped = threading.Event()
        thread = threading.Thread(target=self._decode, args=(waiting, stopped), daemon=True)
        thread.start()
        number = 0
        try:
            while (frame := waiting.get()) is not None:
                number = frame.number + 1
                yield frame
        finally:
            stopped.set()
            thread.join()
            self._capture.release()
        if self.frames and number < self.frames * (1 - TOLERATED) - 1:
            self.fault = (
                f"{self.name} breaks off: {number} of {self.frames} frames could be read and are kept; the others "
                "are lost"
            )

    def _decode(self, waiting: "queue.Queue[Frame | None]", stopped: threading.Event) -> None:
        number, good = 0, True
        while good and not stopped.is_set():
            good, decoded = self._capture.read()
            frame = None
            if good:
                image = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
                frame = Frame(number, number / self.rate if self.rate else 0.0, image)
            while not stopped.is_set():
                with suppress(queue.Full):
                    waiting.put(frame, timeout=0.1)
                    break
            number += 1


@contextmanager
def write_video(path: Path, like: Video) -> Iterator[Callable[[Image], None]]:
    """Write frames as an MP4 file (MPEG-4 part 2) that is complete when the block ends, or absent when it raises.

    Args:
        path: of the file.
        like: the video whose size and rate it has; 25 frames per second where the rate is not known.

    Yields:
        A function that adds a frame: (H, W, 3) uint8 RGB, of the video's size.

    Raises:
        ImageError: it cannot be written.
    """
    with whole_file(path) as scratch:
        code = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(scratch), code, like.rate or USUAL_RATE, (like.width, like.height))
        if not writer.isOpened():
            raise ImageError(f"{path} cannot be written as a video")
        try:
            yield lambda image: writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        finally:
            writer.release()


USUAL_RATE = 25.0
"""Frames per second of a written video, where the source does not say."""


def is_video(name: str) -> bool:
    """Whether a path or name is taken for a video or a camera."""
    return name.startswith(CAMERA) or Path(name).suffix.lower() in SUFFIXES
