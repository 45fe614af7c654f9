"""Which samples each step reads in which process, and the seeds of its random numbers."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import shortest_recipe  # noqa: E402

from mien.errors import RecipeError  # noqa: E402
from mien.train.compute import order  # noqa: E402
from mien.train.compute.distributed import World  # noqa: E402
from mien.train.compute.order import (  # noqa: E402
    BatchSlice,
    Readers,
    mix_seeds,
    parts_of_batch,
    samples_of_steps,
    share_of,
)
from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.recipe.settings import RunSettings  # noqa: E402


def test_steps_read_on_in_an_epoch_and_drop_what_does_not_fill_a_batch() -> None:
    def order_of(epoch: int) -> np.ndarray:
        return np.arange(10) + 100 * epoch

    read = list(samples_of_steps(order_of, 10, 4, 1, 5))
    assert [(step, place, samples.tolist()) for step, place, samples in read] == [
        (1, 4, [4, 5, 6, 7]),
        (2, 10, [100, 101, 102, 103]),
        (3, 14, [104, 105, 106, 107]),
        (4, 20, [200, 201, 202, 203]),
    ]


def test_processes_divide_a_batch() -> None:
    recipe = parse_recipe(shortest_recipe(schedule={"batch": 12, "steps": 1}, run={"accumulate": 2}), "r")
    assert [share_of(recipe, World(rank, 3)) for rank in range(3)] == [
        BatchSlice(12, 0, 4),
        BatchSlice(12, 4, 8),
        BatchSlice(12, 8, 12),
    ]
    assert parts_of_batch(recipe, World(0, 3)) == 6
    with pytest.raises(RecipeError, match="among 5 processes in 2 parts; take a multiple of 10"):
        parts_of_batch(recipe, World(0, 5))


@pytest.mark.parametrize(
    ("cores", "machine", "device", "wanted"),
    [
        (1, 1, "cpu", Readers(1)),
        (2, 1, "cpu", Readers(1)),
        (16, 1, "cpu", Readers(8, 8)),
        (16, 4, "cpu", Readers(2, 2)),
        (1, 1, "cuda", Readers(1)),
        (2, 1, "cuda", Readers(1, 1)),
        (16, 1, "cuda", Readers(8, 15)),
        (64, 8, "cuda", Readers(4, 7)),
    ],
)
def test_the_cores_of_the_machine_are_divided_among_its_trainings_and_read(
    cores: int, machine: int, device: str, wanted: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "usable_cores", lambda: cores)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(machine))
    assert order.readers_of(RunSettings(), None, torch.device(device)) == wanted
    assert order.reader_threads(RunSettings()) == wanted.threads
    assert order.readers_of(RunSettings(), 3, torch.device(device)) == Readers(wanted.threads, 3)
    assert order.readers_of(RunSettings(), 0, torch.device(device)) == Readers(wanted.threads, 0)
    assert order.readers_of(RunSettings(threads=5), None, torch.device("cpu")) == Readers(5, 0)


def test_seeds_depend_on_every_number_and_on_their_order() -> None:
    seeds = {mix_seeds(*numbers) for numbers in ((1, 2, 3), (3, 2, 1), (1, 2, 4), (0, 2, 3), (1, 2), (1, 2, -1))}
    assert len(seeds) == 6 and all(0 <= seed < 2**63 for seed in seeds)
