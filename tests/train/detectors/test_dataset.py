"""The images that a detector is trained on: their order, and which faces count."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import detector_recipe  # noqa: E402

from mien.train.compute.order import BatchSlice  # noqa: E402
from mien.train.detectors.dataset import SceneBatch, SceneDataset, batches  # noqa: E402


def read_all(scenes: Path, share: BatchSlice, threads: int = 1, seed: int = 1, **changes: object) -> list[SceneBatch]:
    recipe = detector_recipe(scenes, **changes).model_copy(update={"seed": seed})
    return list(batches(SceneDataset(recipe), recipe, share, threads, 0, 3))


def test_processes_divide_the_batch_of_one(scenes: Path) -> None:
    whole = read_all(scenes, BatchSlice(8, 0, 8))
    for threads, cuts in ((1, (0, 4, 8)), (3, (0, 3, 6, 8))):
        parts = [read_all(scenes, BatchSlice(8, a, b), threads) for a, b in pairwise(cuts)]
        for step, one in enumerate(whole):
            assert np.array_equal(np.concatenate([part[step].images for part in parts]), one.images)
            assert np.array_equal(np.concatenate([part[step].numbers for part in parts]), one.numbers)


def test_processes_that_read_give_what_threads_give(scenes: Path) -> None:
    share = BatchSlice(8, 2, 7)
    threads, processes = read_all(scenes, share), read_all(scenes, share, run={"processes": 2})
    for one, other in zip(threads, processes, strict=True):
        assert torch.equal(one.images, other.images)
        assert np.array_equal(one.numbers, other.numbers)
        for mine, its in zip(one.scenes, other.scenes, strict=True):
            assert np.array_equal(mine.boxes, its.boxes) and np.array_equal(mine.landmarks, its.landmarks)


def test_an_epoch_shows_every_image_once_and_another_seed_shows_another_order(scenes: Path) -> None:
    orders = [np.concatenate([one.numbers for one in read_all(scenes, BatchSlice(8, 0, 8), seed=s)]) for s in (1, 2)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(24))
    assert not np.array_equal(orders[0], orders[1])


@pytest.mark.parametrize(("min_face", "ignored"), [(0.0, False), (1000.0, True)])
def test_small_faces_are_ignored_from_the_recipes_size_on(scenes: Path, min_face: float, ignored: bool) -> None:
    plain = {"smallest": 1.0, "largest": 1.0, "near": 0.0, "mirror": 0, "colour": 0}
    data = {"sets": [str(scenes)], "min_face": min_face}
    found = [
        scene.ignore
        for one in read_all(scenes, BatchSlice(8, 0, 8), data=data, augment=plain)
        for scene in one.scenes
    ]
    ignore = np.concatenate(found)
    assert len(ignore) > 20 and (ignore == ignored).all()
