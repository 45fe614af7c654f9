"""Writes the changed frames of a video as an MP4 file that is as long as the original. Detects nothing.

The copy has the times of the original's frames, its size, and its sound where that can be copied as it is stored: out
of MP4 and QuickTime files by mien, out of others by the FFmpeg that is installed, if there is one. What is written is
held against what was handed over: OpenCV's writer reports neither a full disk nor a frame that it left out.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np

from mien.errors import ImageError
from mien.types import Image
from mien.video import mp4
from mien.video.boxes import Mp4Error
from mien.video.live import LiveSource
from mien.video.reading import USUAL_RATE, Video, nameable

SOUND_TIMEOUT = 3600.0
"""Seconds that FFmpeg may take to copy sound."""


class VideoCopy:
    """A copy that is being written.

    Attributes:
        note: a sentence where the copy lacks the sound of the original; known when it is complete.
    """

    def __init__(self, path: Path, like: Video | LiveSource) -> None:
        self.note = ""
        self._path, self._like = path, like
        self._writer: cv2.VideoWriter | None = None
        self._times = list[float]()
        self._size = 0, 0

    def add(self, image: Image, seconds: float) -> None:
        """Add a frame.

        Args:
            image: (H, W, 3) uint8 RGB; one of another size than the first is fitted into it.
            seconds: when it is shown.

        Raises:
            ImageError: it cannot be written.
        """
        if self._writer is None:
            self._size = image.shape[1], image.shape[0]
            self._writer = _open(self._path, self._like, self._size)
        if self._times and seconds <= self._times[-1]:
            seconds = self._times[-1] + 1 / mp4.TICKS
        self._times.append(seconds)
        self._writer.write(cv2.cvtColor(_fitted(image, self._size), cv2.COLOR_RGB2BGR))

    def release(self) -> None:
        """End the file as it is."""
        if self._writer is not None:
            self._writer.release()

    def finish(self) -> None:
        """Complete the file: times, size and sound.

        Raises:
            ImageError: there are no frames, or not all of them were written.
        """
        self.release()
        if not self._times:
            raise ImageError(f"no frame of {self._like.name} could be read, so that nothing was written")
        try:
            sounds = self._complete()
            if mp4.count_frames(self._path) != len(self._times):
                raise Mp4Error("some frames were not written")
        except (Mp4Error, OSError) as reason:
            raise ImageError(
                f"the copy of {self._like.name} could not be written whole ({reason}) and was removed: "
                "is the disk full?"
            ) from reason
        self.note = self._sound_note(sounds)

    def _complete(self) -> int:
        """Put times, size and sound right; how many tracks of sound were copied, or -1 where none could be."""
        first = self._times[0]
        times = [time - first for time in self._times]
        steps = np.diff(times)
        last = float(np.median(steps)) if len(steps) else 1 / (self._like.rate or USUAL_RATE)
        promised = 0.0 if self._like.fault else self._like.seconds
        width, height = self._size
        source = Path(self._like.name)
        seconds = max(times[-1] + last, promised)
        if self._like.container is not None and self._like.container.name == "MP4" and not self._like.fault:
            with suppress(Mp4Error):
                return mp4.finish(self._path, times, seconds, width=width, height=height, sound=source)
        mp4.finish(self._path, times, seconds, width=width, height=height)
        return -1

    def _sound_note(self, copied: int) -> str:
        kind = self._like.container
        if copied >= 0 or kind is None:
            return ""
        source = Path(self._like.name)
        sound = kind.has_sound(source)
        if sound is False or (not self._like.fault and copy_sound(self._path, source)):
            return ""
        some = "its sound" if sound else "sound, if it has any,"
        remedy = "" if shutil.which("ffmpeg") else "; with FFmpeg installed, it would be copied"
        return f"{self._like.name}: {some} is not in the copy{remedy}"


@contextmanager
def write_video(path: Path, like: Video | LiveSource) -> Iterator[VideoCopy]:
    """Write frames as an MP4 file (MPEG-4 part 2).

    Args:
        path: of a file that nobody reads before the block ends; when the block raises, it is not complete.
        like: the video that is copied.

    Raises:
        ImageError: it cannot be written whole.
    """
    copy = VideoCopy(path, like)
    try:
        yield copy
    except BaseException:
        copy.release()
        raise
    copy.finish()


def copy_sound(path: Path, source: Path) -> bool:
    """Add the sound of another file with the FFmpeg that is installed; whether that worked."""
    program = shutil.which("ffmpeg")
    if program is None:
        return False
    frames, scratch = mp4.count_frames(path), path.with_name(f"{path.stem}.sound.mp4")
    inputs = ["-i", f"file:{path.absolute()}", "-i", f"file:{source.absolute()}"]
    command = [program, "-nostdin", "-v", "error", "-y", *inputs, "-map", "0:v:0", "-map", "1:a?", "-c:v", "copy"]
    try:
        # Sound that an MP4 file does not take as it is stored is encoded again.
        for codec in ("copy", "aac"):
            chosen = [*command, "-c:a", codec, f"file:{scratch.absolute()}"]
            # The program is found on the user's own path, and names of files are marked as such.
            done = subprocess.run(  # noqa: S603
                chosen, capture_output=True, timeout=SOUND_TIMEOUT, check=False
            )
            with suppress(OSError, Mp4Error):
                if done.returncode == 0 and mp4.count_frames(scratch) == frames:
                    scratch.replace(path)
                    return True
    except (OSError, subprocess.TimeoutExpired):
        return False
    finally:
        scratch.unlink(missing_ok=True)
    return False


def _open(path: Path, like: Video | LiveSource, size: tuple[int, int]) -> cv2.VideoWriter:
    even = size[0] + size[0] % 2, size[1] + size[1] % 2
    with nameable(path) as name:
        code = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(name, cv2.CAP_FFMPEG, code, like.rate or USUAL_RATE, even)
    if not writer.isOpened():
        raise ImageError(
            f"frames of {size[0]}x{size[1]} pixels cannot be written as a video: {like.name} has no copy"
        )
    return writer


def _fitted(image: Image, size: tuple[int, int]) -> Image:
    """An image in a frame of a size, with even sides: the last row and column are repeated."""
    height, width = image.shape[:2]
    if (width, height) != size:
        scale = min(size[0] / width, size[1] / height)
        fitting = max(1, int(width * scale)), max(1, int(height * scale))
        part = cv2.resize(image, fitting, interpolation=cv2.INTER_AREA)
        image = np.zeros((size[1], size[0], 3), np.uint8)
        image[: part.shape[0], : part.shape[1]] = part
    if size[0] % 2 or size[1] % 2:
        image = cv2.copyMakeBorder(image, 0, size[1] % 2, 0, size[0] % 2, cv2.BORDER_REPLICATE)
    return image
