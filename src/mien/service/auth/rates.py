"""How many requests one caller may send per minute, so that one program does not take the service from the others."""

import math
import time

from mien.service.auth.counts import Counts, MemoryCounts
from mien.service.errors import ServiceError

WINDOW = 60.0
"""Seconds."""
REMEMBERED = 10_000
"""Maximum number of callers that are counted."""


class Rates:
    """Counts requests by caller.

    Args:
        per_minute: what each caller may send.
        counts: where they are counted; by default in the memory of this process.
    """

    def __init__(self, per_minute: int, counts: Counts | None = None) -> None:
        self._per_minute = per_minute
        self._counts = MemoryCounts(REMEMBERED) if counts is None else counts

    def count(self, caller: str) -> None:
        """Count a request.

        Raises:
            ServiceError: the caller has sent as many as it may in this minute.
        """
        since, count = self._counts.add(caller, WINDOW)
        if count > self._per_minute:
            seconds = max(1, math.ceil(since + WINDOW - time.monotonic()))
            message = f"this key or account may send {self._per_minute} requests per minute: go on after {seconds} s"
            raise ServiceError(429, "too_many_requests", message, headers={"Retry-After": str(seconds)})
