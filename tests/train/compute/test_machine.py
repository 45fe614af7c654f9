"""The machine that a training is planned for."""

from math import nan

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.compute.distributed import World  # noqa: E402
from mien.train.compute.machine import PlannedMachine, disk_row, machine_of, planned_world  # noqa: E402

CARD = PlannedMachine(device="Some GPU", processes=8, memory=80_000_000_000, present=True)


def test_processes_are_those_that_are_asked_for_or_those_of_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert planned_world("cpu", None) == World(0, 1, torch.device("cpu"))
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert planned_world("cpu", None).size == 4 and planned_world("cpu", 3).size == 3
    assert planned_world("cuda", 2).device.type == "cuda", "also where there is no GPU to plan on"


def test_auto_plans_for_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for there in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert planned_world("auto", 1).device.type == ("cuda" if there else "cpu")


def test_processes_of_a_processor_share_its_memory() -> None:
    one, two = (machine_of(World(0, size)) for size in (1, 2))
    assert one.present and one.memory // 2 == two.memory > 0


def test_memory_that_does_not_fit_has_a_remedy() -> None:
    assert CARD.memory_row(20_000_000_000, "all") == ("memory per GPU", "20.0 of 80 GB: all")
    name, much = CARD.memory_row(90_000_000_000, "all")
    assert name == "memory per GPU" and much.startswith(
        "90.0 of 80 GB: all; that does not fit: plan more --processes"
    )


def test_a_time_says_where_and_what_it_leaves_out() -> None:
    assert CARD.time_row(7200.0, "2.0 hours")[1] == (
        "about 2.0 hours on 8 x Some GPU, without reading, the exchange between processes and evaluations"
    )
    assert "not measured" in CARD.time_row(nan, "")[1]


def test_the_disk_needs_room_for_one_more_checkpoint_than_is_kept() -> None:
    """One is written before the oldest is dropped."""
    assert disk_row(2, 3_000_000_000) == ("disk for checkpoints", "9.0 GB: 2 that are kept, and one that is written")
    assert disk_row(1, 9_000_000)[1].startswith("18 MB: 1 ")
