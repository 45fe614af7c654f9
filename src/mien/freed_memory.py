"""Overwrites what a process has freed, so that nothing of an erased person is left in its memory or a core file.

Python and C libraries leave the content of freed memory as it is. `overwrite_when_freed` lets glibc overwrite blocks
as they are freed; other systems leave them. Small objects of Python (up to 512 bytes: names, keys) come from pools of
its own, which `overwrite_small_blocks` fills with zeros. What is in use is not touched.

glibc keeps the last freed blocks of up to 1,032 bytes for each thread, and does not overwrite those (glibc 2.36,
malloc.c, _int_free); the head and body of a request are such a block. It can only be kept from that when a process
starts, which `restart_to_overwrite` is for.
"""

import ctypes
import os
import sys
from contextlib import suppress

PERTURB = -6
"""M_PERTURB of mallopt(3)."""
FILL = 0xA5
SMALLEST, STEP, LARGEST, BLOCKS = 48, 16, 512, 2000
"""Sizes of Python's pools of small blocks in bytes, and how many free blocks of each are overwritten. The pools that
are filled in part are used first, so these are the blocks that were freed."""
HEAD = sys.getsizeof(b"")


THREAD_BLOCKS = "glibc.malloc.tcache_count"
"""How many freed blocks of each size glibc keeps for each thread; see "Memory Allocation Tunables" in its manual."""
TUNABLES = "GLIBC_TUNABLES"


def restart_to_overwrite() -> None:
    """Start this process again so that glibc overwrites all that it frees; its id and its command stay the same.

    Does nothing where that is so already, where the variable GLIBC_TUNABLES chooses otherwise, and on other systems.
    """
    given = os.environ.get(TUNABLES, "")
    if sys.platform != "linux" or THREAD_BLOCKS in given:
        return
    os.environ[TUNABLES] = ":".join(filter(None, (given, f"{THREAD_BLOCKS}=0")))
    sys.stdout.flush()
    sys.stderr.flush()
    with suppress(OSError):
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - its own command


def overwrite_when_freed() -> bool:
    """Let every block that is freed from now on be overwritten.

    Returns:
        Whether the system can.
    """
    if sys.platform != "linux":
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(PERTURB, FILL))
    except (AttributeError, OSError):
        return False


def overwrite_small_blocks() -> None:
    """Overwrite the free blocks in Python's pools of small objects; takes some milliseconds."""
    for size in range(SMALLEST, LARGEST + 1, STEP):
        # Bytes objects of this size, all of them at the same time.
        filled = [bytes(size - HEAD) for _ in range(BLOCKS)]
        del filled
