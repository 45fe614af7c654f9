"""Frames of a video file or a camera, in order, with the times at which they are shown, decoded in their own thread.

Times are the file's own, not a count over a rate: phones and screens record at rates that vary, and recordings of
browsers state none. A file that ends before its header says so is read as far as it goes, and says so; a file that
cannot be opened is an error. Detects nothing and writes nothing.
"""

import os
import queue
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from PIL import GifImagePlugin

from mien.errors import ImageError
from mien.faults import describe
from mien.image import DEFAULT_LIMITS, has_image_suffix
from mien.image.formats import BROKEN
from mien.types import Image
from mien.video import mp4
from mien.video.containers import Container, container_of, unknown_count
from mien.video.opening import OPENINGS

SUFFIXES = (
    *(".mp4", ".m4v", ".mp4v", ".mov", ".qt", ".3gp", ".3g2", ".f4v", ".mkv", ".webm", ".avi", ".divx"),
    *(".mpg", ".mpeg", ".mpe", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".mxf", ".wmv", ".asf", ".flv", ".ogv"),
    *(".y4m", ".mjpg", ".mjpeg", ".h264", ".264", ".h265", ".hevc"),
)
"""Endings by which a path is taken for a video."""
AMBIGUOUS = (".ts",)
"""Endings that files of text have too."""
CAMERA = "camera:"
"""The beginning of a camera's name; its number follows."""
HIDDEN = 0.1
"""Share of the frames in a file that are perhaps not shown."""
WAITING = 8
"""Decoded frames that wait for the reader."""
TOLERATED = 0.02
"""Share of frames that headers commonly count too many."""
USUAL_RATE = 25.0
"""Frames per second, where neither a file's header nor its times say."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image of a video.

    Attributes:
        number: 0 is the first.
        seconds: since the first, by the times of the file.
        image: (H, W, 3) uint8 RGB.
    """

    number: int
    seconds: float
    image: Image


def silence_decoders() -> None:
    """Let OpenCV and FFmpeg print nothing: what cannot be read is an error or a fault of its own."""
    # FFmpeg reads this when it opens a file.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


def camera_number(name: str) -> int:
    """The number of a camera's name.

    Raises:
        ImageError: it has none.
    """
    number = re.fullmatch(r"[0-9]{1,2}", name.removeprefix(CAMERA))
    if number is None:
        raise ImageError(f"{name} is not a camera; name it by its number, as in camera:0")
    return int(number[0])


class Video:
    """An open video.

    Attributes:
        name: the file, or camera:N.
        width: in pixels.
        height: in pixels.
        rate: frames per second by the header; 0 where it is not known.
        frames: how many its header promises; 0 where it is not known, as of cameras. Of a rate that varies, a guess.
        container: the kind of the file; None for cameras and kinds that are not known.
        fault: after it was read, a sentence where it ended early; else empty.
    """

    def __init__(self, name: str) -> None:
        """Open it.

        Raises:
            ImageError: there is no such file or camera, or it is not a video.
        """
        self.name, self.fault = name, ""
        silence_decoders()
        self._camera = name.startswith(CAMERA)
        self.container: Container | None = None
        if self._camera:
            self._capture = cv2.VideoCapture(camera_number(name))
            reason = "there is no such camera, or another program has it"
        else:
            self._capture, reason = self._open_file(Path(name))
        if not self._capture.isOpened():
            raise ImageError(f"{name} cannot be opened: {reason}")
        self.width, self.height = (
            int(self._capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if self.width * self.height > DEFAULT_LIMITS.max_pixels:
            raise ImageError(
                f"{name} has frames of {self.width}x{self.height} pixels, over the limit of "
                f"{DEFAULT_LIMITS.max_pixels} pixels; shrink the video"
            )
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.rate = rate if 0 < rate < 1000 else 0.0
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frames = int(count) if 0 < count < 1e9 and not self._camera else 0

    def _open_file(self, path: Path) -> tuple[cv2.VideoCapture, str]:
        try:
            if not path.is_file():
                raise ImageError(f"{path} does not exist" if not path.exists() else f"{path} is not a regular file")
            self.container = container_of(path)
        except OSError as reason:
            raise ImageError(f"{path} cannot be read: {reason.strerror or reason}") from reason
        with nameable(path) as found, OPENINGS.with_options(""):
            # OpenCV's other readers take a file for one of a series of images.
            capture = cv2.VideoCapture(found, cv2.CAP_FFMPEG)
        return capture, "it is not a video, or it is damaged at its beginning"

    @property
    def seconds(self) -> float:
        """How long its header says that it is; 0 where that is not known."""
        return self.frames / self.rate if self.rate else 0.0

    def __iter__(self) -> Iterator[Frame]:
        """All frames, once."""
        waiting: queue.Queue[Frame | None] = queue.Queue(WAITING)
        stopped = threading.Event()
        thread = threading.Thread(target=self._decode, args=(waiting, stopped), daemon=True)
        thread.start()
        number, end = 0, 0.0
        try:
            while (frame := waiting.get()) is not None:
                number, end = frame.number + 1, frame.seconds
                yield frame
        finally:
            stopped.set()
            thread.join()
            self._capture.release()
        self.fault = self.fault or self._early_end(number, end)

    def _early_end(self, number: int, end: float) -> str:
        """Why there are fewer frames than there should be, or empty."""
        kind, path = self.container, Path(self.name)
        if not number and not self._camera:
            return f"{self.name} is damaged: no frame of it could be read"
        if kind is None:
            return ""
        missing = self.frames and number < self.frames * (1 - TOLERATED) - 1
        # Frames that repeat the one before may be left out, so that seconds are counted, not frames.
        short = self.rate and end + 1 / self.rate < (self.seconds - 1 / self.rate) * (1 - TOLERATED)
        promised = f"{number} of {self.frames} frames" if kind.promises != "unknown" else f"{number} frames"
        lost = "could be read and are kept; the others are lost"
        whole = 0 < self.frames <= number
        if not whole and (kind.is_cut(path) or (kind.promises == "seconds" and missing and short)):
            return f"{self.name} breaks off: {promised} {lost}"
        if kind.promises == "frames" and missing and mp4.shows_all_frames(path):
            return f"{self.name} is damaged: {promised} {lost}"
        if kind.promises == "unknown" and (missing or not self.frames):
            # The count in the header is a guess, so that the file itself is asked.
            there = kind.frames(path)
            if there is not None and number < there * (1 - HIDDEN) - 1:
                return f"{self.name} is damaged: {number} of {there} frames {lost}"
            if there is None and kind.frames is not unknown_count:
                return f"{self.name} is damaged: {number} frames {lost}"
        return ""

    def _decode(self, waiting: "queue.Queue[Frame | None]", stopped: threading.Event) -> None:
        try:
            for frame in self._frames():
                if not _put(waiting, frame, stopped):
                    return
        except Exception as reason:  # noqa: BLE001 - a decoder may raise anything on damaged bytes
            self.fault = f"{self.name} is damaged: {describe(reason, self.name)}"
        _put(waiting, None, stopped)

    def _frames(self) -> Iterator[Frame]:
        number, first, last, began = 0, 0.0, 0.0, time.monotonic()
        step = 1 / (self.rate or USUAL_RATE)
        while True:
            good, decoded = self._capture.read()
            if not good:
                return
            now = time.monotonic() - began if self._camera else self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            first = now if number == 0 else first
            # Streams without times give 0 for each frame, and damaged ones go back.
            last = 0.0 if number == 0 else now - first if now - first > last else last + step
            yield Frame(number, last, np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8))
            number += 1


def _put(waiting: "queue.Queue[Frame | None]", frame: Frame | None, stopped: threading.Event) -> bool:
    """Hand a frame over, unless nobody waits for it any more."""
    while not stopped.is_set():
        with suppress(queue.Full):
            waiting.put(frame, timeout=0.1)
            return True
    return False


def is_video(name: str) -> bool:
    """Whether a path or name is taken for a video or a camera, by its ending; for other endings, by the first bytes.

    A GIF is a video where it moves.
    """
    path = Path(name)
    if name.startswith(CAMERA):
        return True
    if path.suffix.lower() == ".gif":
        return _moves(path)
    if path.suffix.lower() in AMBIGUOUS or (path.suffix.lower() not in SUFFIXES and not has_image_suffix(path)):
        with suppress(OSError):
            return path.is_file() and container_of(path) is not None
        return False
    return path.suffix.lower() in SUFFIXES


def _moves(path: Path) -> bool:
    """Whether a GIF has more than one image."""
    try:
        with GifImagePlugin.GifImageFile(path) as opened:
            return opened.is_animated
    except BROKEN:
        return False


@contextmanager
def nameable(path: Path) -> Iterator[str]:
    """A name under which OpenCV finds a file: it takes names in UTF-8 only, and others are linked to for a moment."""
    try:
        str(path).encode()
        yield str(path)
    except UnicodeEncodeError:
        with TemporaryDirectory(prefix="mien-") as folder:
            link = Path(folder) / f"video{path.suffix}"
            link.symlink_to(path.absolute())
            yield str(link)
