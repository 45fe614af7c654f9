"""How much may be in work at once: requests, bytes of their bodies, pixels of their images. Queues nothing itself.

A request takes its seat before its body is read, adds bytes as they arrive and pixels as headers of images are read,
and gives all of it back when it is answered or its client hangs up. What does not fit is refused at once with 429 and
the seconds after which to try again; nothing of it has been done by then. Used by the event loop alone.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mien.service.config import Limits
from mien.service.errors import ServiceError

REMEMBERED = 0.2
"""Weight of the last request in the mean duration."""


class Capacity:
    """What all requests hold together.

    Args:
        limits: of the service.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seconds = 1.0
        self.requests = self.bytes = self.pixels = 0

    @contextmanager
    def seat(self) -> Iterator["Seat"]:
        """Take a seat for one request during the block.

        Raises:
            ServiceError: all seats are taken.
        """
        if self.requests >= self._limits.requests:
            raise self._full(f"{self.requests} requests are in work, as many as this service takes")
        seat = Seat(self)
        self.requests += 1
        try:
            yield seat
        finally:
            seat.leave()

    def leave(self, seat: "Seat") -> None:
        """Take back what a seat holds."""
        self.requests -= 1
        self.bytes -= seat.bytes
        self.pixels -= seat.pixels
        self._seconds += REMEMBERED * (time.monotonic() - seat.began - self._seconds)

    def add(self, seat: "Seat", size: int = 0, pixels: int = 0) -> None:
        """Add bytes and pixels to a seat. A request that is alone gets what its own limits allow.

        Raises:
            ServiceError: others hold so much that it does not fit.
        """
        others = self.requests > 1
        if others and self.bytes + size > self._limits.waiting_bytes:
            raise self._full("the bodies of the requests in work take all the memory that is set aside for them")
        if others and self.pixels + pixels > self._limits.waiting_pixels:
            raise self._full("the images in work have all the pixels that this service takes at once")
        seat.bytes += size
        seat.pixels += pixels
        self.bytes += size
        self.pixels += pixels

    def _full(self, why: str) -> ServiceError:
        seconds = max(1, math.ceil(self._seconds))
        message = f"{why}: send the request again after {seconds} s"
        return ServiceError(429, "busy", message, headers={"Retry-After": str(seconds)})


class Seat:
    """What one request holds."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity, self.began, self._is_left = capacity, time.monotonic(), False
        self.bytes = self.pixels = 0

    def add(self, size: int = 0, pixels: int = 0) -> None:
        """Hold more bytes and pixels; see Capacity.add."""
        self._capacity.add(self, size, pixels)

    def leave(self) -> None:
        """Give it back before the answer ends, as an answer does that stays open; further calls do nothing."""
        if not self._is_left:
            self._is_left = True
            self._capacity.leave(self)
