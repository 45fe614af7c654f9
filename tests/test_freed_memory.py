"""What a process has freed is not found in its memory, and what it keeps is."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mien.freed_memory import (
    THREAD_BLOCKS,
    TUNABLES,
    overwrite_all_small_blocks,
    overwrite_small_blocks,
    overwrite_when_freed,
)

CHILD = """
import hashlib, sys
import numpy as np
from mien.freed_memory import overwrite_all_small_blocks, overwrite_small_blocks, overwrite_when_freed
def secret(number, size):
    return (hashlib.sha256(str(number).encode()).hexdigest() * 50)[:size].encode()
assert overwrite_when_freed()
large, small = [secret(n, 3000) for n in range(50)], [secret(n, 40) for n in range(50, 100)]
arrays = [np.frombuffer(secret(n, 512), np.float32).copy() for n in range(101, 109)]
many = [secret(n, 40) for n in range(200, 9200)]
kept = secret(100, 3000)
del large, small, arrays
overwrite_small_blocks()
some = many[::100]
del many
overwrite_all_small_blocks()
print("ready", flush=True)
sys.stdin.read()
"""


def begin(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).hexdigest()[:32].encode()


def writable(process: int) -> bytes:
    """All memory that a process can write."""
    found = []
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            places, rights, *_ = line.split()
            start, end = (int(place, 16) for place in places.split("-"))
            if rights.startswith("rw"):
                memory.seek(start)
                try:
                    found.append(memory.read(end - start))
                except OSError:
                    continue
    return b"".join(found)


@pytest.mark.skipif(not overwrite_when_freed(), reason="this system cannot overwrite what is freed")
def test_vectors_and_names_are_left_in_freed_memory() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stdin is not None
        assert child.stdout.readline() == "ready\n"
        try:
            memory = writable(child.pid)
        except PermissionError:
            pytest.skip("the memory of another process cannot be read here")
        finally:
            child.stdin.close()
    assert begin(100) in memory, "a scan that finds nothing at all would prove nothing"
    assert [number for number in range(100) if begin(number) in memory] == []
    assert [number for number in range(101, 109) if begin(number) in memory] == [], "numpy keeps data of small arrays"
    gone = [number for number in range(200, 9200) if number % 100]
    assert [number for number in gone if begin(number) in memory] == [], "more names than are overwritten at once"


RESTARTED = """
import os, sys
from mien.freed_memory import restart_to_overwrite
number = os.getpid()
restart_to_overwrite()
print(number == os.getpid(), os.environ.get("GLIBC_TUNABLES"), sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is on Linux")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, f"{THREAD_BLOCKS}=0"),
        ("glibc.malloc.arena_max=2", f"glibc.malloc.arena_max=2:{THREAD_BLOCKS}=0"),
        (f"{THREAD_BLOCKS}=3", f"{THREAD_BLOCKS}=3"),
    ],
)
def test_the_body_of_a_request_is_left_in_blocks_that_a_thread_keeps(before: str | None, after: str) -> None:
    """A process that was started once more has its command and no such blocks; what somebody chose stays."""
    environment = {name: value for name, value in os.environ.items() if name != TUNABLES}
    environment |= {} if before is None else {TUNABLES: before}
    command = [sys.executable, "-c", RESTARTED, "an argument"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"True {after} ['an argument']\n"


def test_blocks_in_use_are_not_touched() -> None:
    names = [f"name {number}" * 3 for number in range(1000)]
    overwrite_small_blocks()
    overwrite_all_small_blocks()
    assert names == [f"name {number}" * 3 for number in range(1000)]
