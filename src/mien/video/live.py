"""Live sources: cameras of this machine, RTSP and MJPEG streams. The newest frame only, and back after every loss.

A thread reads the source all the time and keeps one frame; whoever is slow gets a later one, never an old one. A
source that breaks off, freezes or sends rubbish is lost; it is opened again after waits that grow, and both are said
once. Names that are shown have no credentials. Detects nothing.

Streams are read by the FFmpeg in OpenCV, with limits for opening and reading, and with network protocols alone: an
address cannot make it open a file of this machine.
"""

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import cv2
import numpy as np

from mien.errors import ImageError
from mien.image import DEFAULT_LIMITS
from mien.types import Image
from mien.video.opening import OPENINGS
from mien.video.reading import CAMERA, Frame, camera_number, silence_decoders

SCHEMES = ("rtsp", "rtsps", "http", "https")
"""Beginnings of the addresses of streams."""
FFMPEG_OPTIONS = (
    "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|"
    "protocol_whitelist;tcp,tls,http,https,httpproxy,rtp,srtp,rtsp,rtsps,udp,crypto"
)
"""RTSP over TCP, as UDP loses parts of frames; no buffers; no protocol that reads files."""
OPEN_LIMIT = 5.0
"""Seconds that opening may take."""
READ_LIMIT = 8.0
"""Seconds without a frame after which a stream is lost."""
MAX_READ_LIMIT = 150.0
"""Seconds without a frame that are allowed in the end to a camera that is there each time it is opened again."""
WAITS = (0.5, 1.0, 2.0, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Seconds before a lost source is opened again, one after the other; the last is repeated."""
STEP = 0.5
"""Seconds after which whoever waits for a frame hears that there is none."""
CLOSING = 2.0
"""Seconds in which the reading thread should end after the last frame; FFmpeg may hold it until its own limit."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """Whether a live source is there.

    Attributes:
        kind: it was lost, or it is back.
        seconds: of the source's time.
        reason: a code of why it was lost: "ended", "silent", "refused", "too-large"; else empty.
    """

    kind: Literal["lost", "back"]
    seconds: float
    reason: str = ""


OnState = Callable[[SourceState], None]
OnWait = Callable[[float], None]


def ignore_state(state: SourceState) -> None:
    """Wait for frames."""


def ignore_wait(seconds: float) -> None:
    """Wait for frames."""


def is_live(name: str) -> bool:
    """Whether a source is a camera or a stream, which has no end of its own."""
    scheme, colon, _ = name.partition("://")
    return name.startswith(CAMERA) or bool(colon and scheme.lower() in SCHEMES)


def shown_name(name: str) -> str:
    """What a source is called where people read it: without user, password and query.

    Example:
        >>> shown_name("rtsp://admin:secret@10.0.0.7:554/door?token=1")
        'rtsp://10.0.0.7:554/door'
    """
    if not is_live(name) or name.startswith(CAMERA):
        return name
    try:
        parts = urlsplit(name)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return f"{name.partition('://')[0]}://"
    if _may_split_password(name):
        return f"{parts.scheme}://"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _may_split_password(address: str) -> bool:
    """Whether a password may have /, ? or # as they are, so that what comes before them is not the host."""
    _, _, rest = address.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return "@" in rest and "@" not in host


@contextmanager
def end_of_live(name: str) -> Iterator[None]:
    """Take an interruption for the end of a live source, which has no other; what it showed until then is whole."""
    try:
        yield
    except KeyboardInterrupt:
        if not is_live(name):
            raise


class LiveSource:
    """A camera or stream that is open, with what a Video has.

    Attributes:
        name: without credentials.
        width: of the first frames in pixels.
        height: of the first frames in pixels.
        rate: frames per second as the source says; 0 where it does not.
        frames: 0, since it has no end.
        seconds: 0.
        container: None.
        fault: empty: a loss is not the end.
        delay: seconds from the moment when the latest frame was decoded to the moment when it was taken.
    """

    frames, seconds, container, fault = 0, 0.0, None, ""

    def __init__(
        self,
        address: str,
        *,
        insist: bool = False,
        read_limit: float = READ_LIMIT,
        waits: tuple[float, ...] = WAITS,
    ) -> None:
        """Open it.

        Args:
            address: camera:N, or an address of a stream, with credentials where it needs some.
            insist: go on trying where it cannot be opened the first time.
            read_limit: seconds without a frame after which a stream is lost.
            waits: seconds before a lost source is opened again.

        Raises:
            ImageError: it cannot be opened, unless it is insisted on; or it has no address that can be.
        """
        self._address, self.name = address, shown_name(address)
        self._camera = camera_number(address) if address.startswith(CAMERA) else None
        if self._camera is None and not re.match(r"[a-zA-Z]+://[^/\s]+", address):
            raise ImageError(f"{self.name} is not the address of a stream: write rtsp://HOST/PATH, for example")
        self._on_state: OnState = ignore_state
        self._on_wait: OnWait = ignore_wait
        self._limit, self._waits = read_limit, waits
        self._newest: tuple[Image, float] | None = None
        self._states = deque[SourceState]()
        self._changed, self._stopped = threading.Condition(), threading.Event()
        self._began, self.delay = time.monotonic(), 0.0
        self._lost = ""
        silence_decoders()
        capture = self._open()
        if capture is None and not insist:
            raise ImageError(f"{self.name} cannot be opened: {self._why()}")
        self.width, self.height, self.rate = 0, 0, 0.0
        if capture is not None:
            self.width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
            self.height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
            rate = float(capture.get(cv2.CAP_PROP_FPS))
            self.rate = rate if 0 < rate < 1000 else 0.0
        self._thread = threading.Thread(target=self._read, args=(capture,), name="live", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        """Newest frames until the caller stops; a frame is given once, and numbers count those that are given."""
        number, last = 0, 0.0
        try:
            while (found := self._take()) is not None:
                image, at = found
                # Two frames are never shown at one time.
                last = at if number == 0 else max(at, last + 1e-3)
                yield Frame(number, last, np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8))
                number += 1
        finally:
            self.close()

    def listen(self, on_state: OnState, on_wait: OnWait = ignore_wait) -> None:
        """Say what else is to be known while frames are taken; both are called by whoever takes them.

        Args:
            on_state: called when the source is lost and when it is back.
            on_wait: called with the time, about twice per second while there is no frame.
        """
        self._on_state, self._on_wait = on_state, on_wait

    def close(self) -> None:
        """Stop reading."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSING)

    def now(self) -> float:
        """Seconds since it was opened, by a clock that does not jump."""
        return time.monotonic() - self._began

    def _take(self) -> tuple[Image, float] | None:
        """The next newest frame and its time; None after close."""
        while not self._stopped.is_set():
            with self._changed:
                if self._newest is None and not self._states:
                    self._changed.wait(STEP)
                states, self._states = self._states, deque()
                found, self._newest = self._newest, None
            for state in states:
                self._on_state(state)
            if found is not None:
                self.delay = self.now() - found[1]
                return found
            self._on_wait(self.now())
        return None

    def _why(self) -> str:
        if self._camera is not None:
            return "there is no such camera, or another program has it"
        hint = ": write / ? and # of a password as %2F, %3F and %23" if _may_split_password(self._address) else ""
        return f"nothing answers there, it needs other credentials, or what it sends is not a video{hint}"

    def _open(self) -> cv2.VideoCapture | None:
        if self._camera is not None:
            capture = cv2.VideoCapture(self._camera)
            return capture if capture.isOpened() else None
        limits = [
            *(int(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC), int(OPEN_LIMIT * 1000)),
            *(int(cv2.CAP_PROP_READ_TIMEOUT_MSEC), int(self._limit * 1000)),
        ]
        with OPENINGS.with_options(FFMPEG_OPTIONS):
            capture = cv2.VideoCapture(self._address, cv2.CAP_FFMPEG, limits)
        return capture if capture.isOpened() else None

    def _read(self, capture: cv2.VideoCapture | None) -> None:
        """Read until it is stopped; whatever a source sends, it is lost at worst."""
        failures = 0
        while not self._stopped.is_set():
            if capture is None:
                self._lose("refused")
                self._stopped.wait(self._waits[min(failures, len(self._waits) - 1)])
                failures += 1
                if not self._stopped.is_set():
                    with suppress(cv2.error):
                        capture = self._open()
                continue
            frames, reason = self._read_until_lost(capture)
            failures = 0 if frames else failures
            with suppress(cv2.error):
                capture.release()
            capture = None
            if not self._stopped.is_set():
                self._lose(reason)

    def _read_until_lost(self, capture: cv2.VideoCapture) -> tuple[int, str]:
        """How many frames were read, and why there are no more."""
        frames = 0
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                good, image = capture.read()
            except cv2.error:
                good, image = False, None
            if not good or image is None or not image.size:
                silent = time.monotonic() - began >= 0.9 * self._limit
                if silent and frames:
                    # A camera may send a frame a minute: each time that it is there again, it gets more time.
                    self._limit = min(2 * self._limit, MAX_READ_LIMIT)
                return frames, "silent" if silent else "ended"
            if image.shape[0] * image.shape[1] > DEFAULT_LIMITS.max_pixels:
                return frames, "too-large"
            frames += 1
            self._put(np.asarray(image, np.uint8))
        return frames, ""

    def _put(self, image: Image) -> None:
        at = self.now()
        with self._changed:
            if self._lost:
                self._lost = ""
                self._states.append(SourceState("back", at))
            self._newest = image, at
            self._changed.notify()

    def _lose(self, reason: str) -> None:
        """Say once that it is lost."""
        if not self._lost:
            self._lost = reason
            with self._changed:
                self._states.append(SourceState("lost", self.now(), reason))
                self._changed.notify()
