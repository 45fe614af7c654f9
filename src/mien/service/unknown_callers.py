"""How many lines of the audit log callers who are not known may fill, since anybody may send them.

Owns the limits by address and of all addresses together, and counts the lines that are left out. Each worker of a
service has its own. Writes nothing itself.
"""

import threading
import time

from mien.service.auth.counts import MemoryCounts

PER_ADDRESS, ALL = 20, 120
"""Lines in a span of time, of one address and of all together."""
SPAN = 60.0
"""Seconds."""
EVERYBODY = "everybody"


class UnknownCallers:
    """Lets some lines pass and counts the others; safe to call from several threads."""

    def __init__(self) -> None:
        self._counts, self._lock = MemoryCounts(remembered=10_000), threading.Lock()
        self._left_out, self._since = 0, 0.0

    def may_add(self, address: str) -> bool:
        """Whether a line may be written; one that may not is counted.

        Args:
            address: of the client.
        """
        with self._lock:
            # An address that has had its lines takes none of the others'.
            if (
                self._counts.add(f"address {address}", SPAN)[1] <= PER_ADDRESS
                and self._counts.add(EVERYBODY, SPAN)[1] <= ALL
            ):
                return True
            self._since = self._since if self._left_out else time.monotonic()
            self._left_out += 1
            return False

    def take_left_out(self, *, at_once: bool = False) -> int:
        """How many lines were left out in the last span; 0 while it is not over, unless that is asked for at once."""
        with self._lock:
            if not self._left_out or not (at_once or time.monotonic() - self._since >= SPAN):
                return 0
            count, self._left_out = self._left_out, 0
            return count

    def give_back(self, count: int) -> None:
        """Count lines again whose number could not be written."""
        with self._lock:
            self._left_out += count
