"""Keeps freed memory in the process, since a training step asks for the same pieces again and again.

On Linux with glibc, a piece that is returned to the system costs one page fault per 4 KiB when it is asked for again:
a tenth of a training step on a processor (docs/log.md). Does nothing on other systems.
"""

import ctypes
import sys
from contextlib import suppress

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""glibc's mallopt(3)."""


def keep_freed_memory() -> None:
    """Return nothing to the system, and take memory in pieces of half a GiB."""
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for option, value in ((TRIM_THRESHOLD, 2**31 - 1), (TOP_PAD, 2**29), (MMAP_MAX, 0)):
            library.mallopt(option, value)
