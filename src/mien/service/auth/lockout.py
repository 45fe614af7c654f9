"""Slows guessing down: failures are counted by account and address together, and by address.

Counting by account alone would let anybody lock somebody else out. Counts fade; a success clears the pair. Holds
hashes of names, not names.
"""

import hashlib
import math
import time

from mien.service.auth.counts import Counts, MemoryCounts
from mien.service.errors import ServiceError

WINDOW = 15 * 60.0
"""Seconds after which failures are forgotten."""
PER_PAIR, PER_ADDRESS = 5, 30
"""Failures within the window that are let pass, of one account from one address, and of one address."""


class Lockout:
    """Counts of failed attempts.

    Args:
        counts: where they are counted; by default in the memory of this process.
    """

    def __init__(self, counts: Counts | None = None) -> None:
        self._counts = MemoryCounts() if counts is None else counts

    def require(self, what: str, address: str) -> None:
        """Refuse an attempt after too many failures.

        Args:
            what: which account, or which subject is to be verified.
            address: of the client.

        Raises:
            ServiceError: with the seconds to wait.
        """
        counts = [(self._counts.get(key, WINDOW), allowed) for key, allowed in _keys(what, address)]
        waits = [since + WINDOW - time.monotonic() for (since, failures), allowed in counts if failures >= allowed]
        seconds = math.ceil(max(waits, default=0.0))
        if seconds > 0:
            message = f"too many failed attempts from this address: try again after {seconds} s"
            raise ServiceError(429, "too_many_attempts", message, headers={"Retry-After": str(seconds)})

    def failed(self, what: str, address: str) -> None:
        """Count a failure."""
        for key, _ in _keys(what, address):
            self._counts.add(key, WINDOW)

    def succeeded(self, what: str, address: str) -> None:
        """Forget the failures of the pair."""
        self._counts.drop(_keys(what, address)[0][0])


def _keys(what: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    pair = hashlib.sha256(f"{what}\0{address}".encode("utf-8", "replace")).hexdigest()
    return (pair, PER_PAIR), (f"address {address}", PER_ADDRESS)
