"""Overwrites what a process has freed, so that nothing of an erased person is left in its memory or a core file.

Python and C libraries leave the content of freed memory as it is. `overwrite_when_freed` lets glibc overwrite blocks
as they are freed; other systems leave them. Small objects of Python (up to 512 bytes: names, keys) come from pools of
its own, and numpy keeps the data of arrays below 1,024 bytes, such as one embedding of 128 numbers, for the next
array of that size. `overwrite_small_blocks` fills both with zeros as far as that takes a moment, and
`overwrite_all_small_blocks` every free block. What is in use is not touched.

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
POOL, ARENA = 1 << 14, 1 << 20
"""Bytes of a pool, which has blocks of one size, and of the arenas that pools come from (CPython 3.10 and later,
Include/internal/pycore_obmalloc.h)."""
FILLED = 64
"""Size of the blocks by which whole pools are overwritten; they leave 16 bytes of a pool."""
MAX_FILLED = 64 << 20
"""Maximum number of bytes that are taken at once, where Python's allocator is another one."""
ARRAY, KEPT = 1024, 8
"""numpy keeps data of fewer bytes, and of each size one block less than the last number (NBUCKETS and NCACHE in
numpy/_core/src/multiarray/alloc.c)."""


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
    """Overwrite the small blocks that were freed last; takes some milliseconds."""
    overwrite_kept_arrays()
    for size in range(SMALLEST, LARGEST + 1, STEP):
        # Bytes objects of this size, all of them at the same time.
        filled = [bytes(size - HEAD) for _ in range(BLOCKS)]
        del filled


def overwrite_kept_arrays() -> None:
    """Overwrite the data of small arrays that numpy keeps for the next ones: of whole float32 numbers."""
    import numpy as np

    for size in range(4, ARRAY, 4):
        kept = [np.empty(size, np.uint8) for _ in range(KEPT)]
        for one in kept:
            one.fill(0)


def overwrite_all_small_blocks() -> None:
    """Overwrite every free block in Python's pools of small objects; takes some tenths of a second of its thread.

    First all pools that are free as a whole are filled, until an arena is taken from the system. Then each size of
    blocks is filled until it needs a pool of that arena, since all others of its pools are full by then.
    """
    overwrite_kept_arrays()
    filled, fresh = _fill_pools()
    for size in range(SMALLEST, LARGEST + 1, STEP):
        blocks = []
        for _ in range(MAX_FILLED // size if fresh else BLOCKS):
            blocks.append(bytes(size - HEAD))
            if id(blocks[-1]) in fresh:
                break
    filled.clear()


def _fill_pools() -> tuple[list[bytes], range]:
    """Blocks that fill all free pools, and the addresses of an arena that was taken for them.

    An arena is new where blocks follow one another from its beginning to its end. It stays, almost empty, as long as
    the first block of the row does. There are no addresses where no such arena came.
    """
    filled, start, begin, last = [], 0, 0, 0
    for number in range(MAX_FILLED // FILLED):
        filled.append(bytes(FILLED - HEAD))
        place = id(filled[-1])
        # Between two pools are the end of one and the head of the next; another thread may take a block meanwhile.
        if not 0 < place - last <= 3 * FILLED:
            start, begin = number, place
        last = place
        if last - begin >= ARENA - 2 * POOL:
            del filled[start + 1 :]
            return filled, range(begin, last + POOL)
    return filled, range(0)
