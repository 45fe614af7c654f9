"""FFmpeg's options while a video is opened, which are in the environment of the process, and who may open one then.

Openings with the same options go on side by side, so a camera that is not there holds up no other one. Those with
other options wait, in the order in which they came. Opens nothing itself.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


class Openings:
    """The openings of a process."""

    def __init__(self) -> None:
        self._changed, self._waiting = threading.Condition(), deque[object]()
        self._count, self._options = 0, ""
        self._before: str | None = None

    @contextmanager
    def with_options(self, options: str) -> Iterator[None]:
        """Have options in the environment for as long as something is opened.

        Args:
            options: of FFmpeg, as OpenCV reads them; empty for those that the environment has anyway.
        """
        self._begin(options)
        try:
            yield
        finally:
            self._end()

    def _begin(self, options: str) -> None:
        place = object()
        with self._changed:
            self._waiting.append(place)
            self._changed.wait_for(
                lambda: self._waiting[0] is place and (self._count == 0 or self._options == options)
            )
            self._waiting.popleft()
            if self._count == 0 and options:
                self._before = os.environ.get(VARIABLE)
                os.environ[VARIABLE] = options
            self._count, self._options = self._count + 1, options
            self._changed.notify_all()

    def _end(self) -> None:
        with self._changed:
            self._count -= 1
            if self._count == 0 and self._options:
                os.environ.pop(VARIABLE, None)
                if self._before is not None:
                    os.environ[VARIABLE] = self._before
            self._changed.notify_all()


OPENINGS = Openings()
"""Of this process."""
