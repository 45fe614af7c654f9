"""Processes of one start find each other in a store that holds what earlier starts left."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import TrainingError  # noqa: E402
from mien.train.compute.meeting import meet  # noqa: E402

PATIENCE = timedelta(seconds=20)


@pytest.fixture
def store() -> Iterator["torch.distributed.Store"]:
    yield torch.distributed.HashStore()


def start(store: "torch.distributed.Store", size: int) -> list["torch.distributed.Store"]:
    found: dict[int, torch.distributed.Store] = {}

    def come(rank: int) -> None:
        found[rank] = meet(store, rank, size, PATIENCE)

    threads = [threading.Thread(target=come, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[rank] for rank in range(size)]


def test_the_processes_of_a_start_share_a_part_of_the_store_and_no_other_start_does(
    store: "torch.distributed.Store",
) -> None:
    """A killed run was started again, read the address of a process that was gone, and waited for ever."""
    first = start(store, 3)
    first[1].set("address", "gone")
    assert first[0].get("address") == first[2].get("address") == b"gone"
    for size in (3, 2):
        again = start(store, size)
        assert not any(one.check(["address"]) for one in again)
        again[0].set("address", f"new {size}")
        assert all(one.get("address") == f"new {size}".encode() for one in again)


def test_a_process_that_asked_and_was_killed_does_no_harm(store: "torch.distributed.Store") -> None:
    store.set("asks/1", "a process that is gone")
    assert len(start(store, 2)) == 2


@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_waits_in_vain_says_so(store: "torch.distributed.Store", rank: int) -> None:
    with pytest.raises(TrainingError, match=r"the other processes did not come within 0 s: start the training"):
        meet(store, rank, 2, timedelta(seconds=0.1))
