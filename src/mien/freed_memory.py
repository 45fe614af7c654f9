"""Overwrites what a process has freed, so that nothing of an erased person is left in its memory or a core file.

Python and C libraries leave the content of freed memory as it is. `overwrite_when_freed` lets glibc overwrite blocks
as they are freed; other systems leave them. Small objects of Python (up to 512 bytes: names, keys) come from pools of
its own, which `overwrite_small_blocks` fills with zeros. What is in use is not touched.
"""

import ctypes
import sys

PERTURB = -6
"""M_PERTURB of mallopt(3)."""
FILL = 0xA5
SMALLEST, STEP, LARGEST, BLOCKS = 48, 16, 512, 2000
"""Sizes of Python's pools of small blocks in bytes, and how many free blocks of each are overwritten. The pools that
are filled in part are used first, so these are the blocks that were freed."""
HEAD = sys.getsizeof(b"")


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
