"""Frames of a video file or a camera, in order, decoded in a thread of their own. Detects nothing.

A file that ends before its header says so is read as far as it goes, and says so; a file that cannot be opened is an
error.
"""

import os
import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.errors import ImageError
from mien.types import Image

SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".3gp")
"""Endings by which a path is taken for a video."""
CAMERA = "camera:"
"""Begins the name of a camera; its number follows."""
WAITING = 8
"""Decoded frames that wait to be looked at."""
TOLERATED = 0.02
"""Frames that headers commonly count too many."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video.

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
        height: likewise.
        rate: frames a second; 0 where it is not known.
        frames: how many its header promises; 0 where it is not known, as of cameras.
        fault: after it was read, a sentence where it ended early; else empty.
    """

    def __init__(self, name: str) -> None:
        """Open it.

        Raises:
            ImageError: no such file or camera, or no video.
        """
        self.name, self.fault = name, ""
        # FFmpeg's own lines about a damaged file would stand beside ours; it reads this when it opens a file.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        if name.startswith(CAMERA):
            if not name.removeprefix(CAMERA).isdigit():
                raise ImageError(f"{name} is no camera; name it by its number, as in camera:0")
            self._capture = cv2.VideoCapture(int(name.removeprefix(CAMERA)))
            reason = "there is no such camera, or another program has it"
        else:
            if not Path(name).is_file():
                raise ImageError(f"{name} does not exist")
            self._capture = cv2.VideoCapture(name)
            reason = "it is no video, or it is damaged at its beginning"
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
                f"{self.name} breaks off: {number} of {self.frames} frames could be read; the others are lost, these "
                "are not"
            )

    def _decode(self, waiting: "queue.Queue[Frame | None]", stopped: threading.Event) -> None:
        number, good = 0, True
        while good and not stopped.is_set():
            good, picture = self._capture.read()
            frame = None
            if good:
                image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
                frame = Frame(number, number / self.rate if self.rate else 0.0, image)
            while not stopped.is_set():
                with suppress(queue.Full):
                    waiting.put(frame, timeout=0.1)
                    break
            number += 1


class VideoWriter:
    """Writes frames of one size as an MP4 file (MPEG-4 part 2), complete or not there at all."""

    def __init__(self, path: Path, like: Video) -> None:
        """
        Args:
            path: of the file.
            like: the video whose size and rate it has; 25 frames a second where the rate is not known.

        Raises:
            ImageError: it cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._partial = path, path.with_name(f".{path.stem}.part.mp4")
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(self._partial), code, like.rate or 25.0, (like.width, like.height))
        if not self._writer.isOpened():
            raise ImageError(f"{path} cannot be written as a video")

    def write(self, image: Image) -> None:
        """Add a frame: (H, W, 3) uint8 RGB, of the video's size."""
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """End the file."""
        self._writer.release()
        self._partial.replace(self._path)


def is_video(name: str) -> bool:
    """Whether a path or name is taken for a video or a camera."""
    return name.startswith(CAMERA) or Path(name).suffix.lower() in SUFFIXES
