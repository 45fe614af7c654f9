"""What a process has freed is not found in its memory, and what it keeps is."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from mien.freed_memory import overwrite_small_blocks, overwrite_when_freed

CHILD = """
import hashlib, sys
from mien.freed_memory import overwrite_small_blocks, overwrite_when_freed
def secret(number, size):
    return (hashlib.sha256(str(number).encode()).hexdigest() * 50)[:size].encode()
assert overwrite_when_freed()
large, small = [secret(n, 3000) for n in range(50)], [secret(n, 40) for n in range(50, 100)]
kept = secret(100, 3000)
del large, small
overwrite_small_blocks()
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


def test_blocks_in_use_are_not_touched() -> None:
    names = [f"name {number}" * 3 for number in range(1000)]
    overwrite_small_blocks()
    assert names == [f"name {number}" * 3 for number in range(1000)]
