"""Slows guessing down: failures are counted by account and address together, and by address.

Counting by account alone would let anybody lock somebody else out. Counts are in memory and fade; a success clears
the pair. Holds hashes of names, not names.
"""

import hashlib
import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from mien.service.errors import ServiceError

WINDOW = 15 * 60.0
"""Seconds after which failures are forgotten."""
PER_PAIR, PER_ADDRESS = 5, 30
"""Failures within the window that are let pass, of one account from one address, and of one address."""
REMEMBERED = 100_000
"""Maximum number of counts."""


@dataclass(slots=True)
class _Count:
    failures: int
    since: float


class Lockout:
    """Counts of failed attempts."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._lock = threading.Lock()

    def require(self, what: str, address: str) -> None:
        """Refuse an attempt after too many failures.

        Args:
            what: which account, or which subject is to be verified.
            address: of the client.

        Raises:
            ServiceError: with the seconds to wait.
        """
        with self._lock:
            waits = [
                count.since + WINDOW - time.monotonic()
                for key, allowed in _keys(what, address)
                if (count := self._counts.get(key)) and count.failures >= allowed
            ]
        seconds = math.ceil(max(waits, default=0.0))
        if seconds > 0:
            message = f"too many failed attempts from this address: try again after {seconds} s"
            raise ServiceError(429, "too_many_attempts", message, headers={"Retry-After": str(seconds)})

    def failed(self, what: str, address: str) -> None:
        """Count a failure."""
        now = time.monotonic()
        with self._lock:
            for key, _ in _keys(what, address):
                count = self._counts.pop(key, None)
                fresh = count is not None and now - count.since < WINDOW
                self._counts[key] = _Count(count.failures + 1, count.since) if count and fresh else _Count(1, now)
            while len(self._counts) > REMEMBERED:
                self._counts.popitem(last=False)

    def succeeded(self, what: str, address: str) -> None:
        """Forget the failures of the pair."""
        with self._lock:
            self._counts.pop(_keys(what, address)[0][0], None)


def _keys(what: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    pair = hashlib.sha256(f"{what}\0{address}".encode("utf-8", "replace")).hexdigest()
    return (pair, PER_PAIR), (f"address {address}", PER_ADDRESS)
