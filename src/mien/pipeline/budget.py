"""How many bytes of decoded images may be in memory at once. Counts bytes that are promised, not those that are used.

A caller holds what it needs for a group of images from before they are decoded until their crops are made. It holds
nothing while it waits, so two callers never wait for each other.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mien.settings import load_settings


class Budget:
    """A number of bytes that several threads share.

    Args:
        size: bytes of decoded images, of all workers together; None takes the setting decode_memory_mb.
    """

    def __init__(self, size: int | None = None) -> None:
        size = load_settings().decode_memory_mb * 2**20 if size is None else size
        self.size = size
        self._held = 0
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, wanted: int) -> Iterator[None]:
        """Wait until the bytes are free, and hold them during the block.

        More than the whole budget is given when nothing else is held, so a single huge image is processed alone.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._held == 0 or self._held + wanted <= self.size)
            self._held += wanted
        try:
            yield
        finally:
            with self._changed:
                self._held -= wanted
                self._changed.notify_all()
