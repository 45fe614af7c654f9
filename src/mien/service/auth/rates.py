"""How many requests one caller may send per minute, so that one program does not take the service from the others."""

import math
import threading
import time
from collections import OrderedDict

from mien.service.errors import ServiceError

WINDOW = 60.0
"""Seconds."""
REMEMBERED = 10_000
"""Maximum number of callers that are counted."""


class Rates:
    """Counts requests by caller.

    Args:
        per_minute: what each caller may send.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, caller: str) -> None:
        """Count a request.

        Raises:
            ServiceError: the caller has sent as many as it may in this minute.
        """
        now = time.monotonic()
        with self._lock:
            since, count = self._counts.pop(caller, (now, 0))
            if now - since >= WINDOW:
                since, count = now, 0
            self._counts[caller] = since, count + 1
            while len(self._counts) > REMEMBERED:
                self._counts.popitem(last=False)
        if count >= self._per_minute:
            seconds = max(1, math.ceil(since + WINDOW - now))
            message = f"this key or account may send {self._per_minute} requests per minute: go on after {seconds} s"
            raise ServiceError(429, "too_many_requests", message, headers={"Retry-After": str(seconds)})
