"""What is trained on, in which order, and that neither processes nor threads change it."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import ManifestError, RecipeError
from mien.train.order import BatchSlice
from mien.train.recognizers.augment import KINDS, augment
from mien.train.recognizers.dataset import ClassChoice, CropBatch, CropDataset, batches, mixed
from mien.train.recognizers.recipe import Augment


def read_all(crops: CropDataset, share: BatchSlice, start: int, end: int, threads: int = 1) -> list[CropBatch]:
    return list(batches(crops, share, 7, Augment(mirror=0.5, colour=0.5, jpeg=0.3), threads, start, end))


def test_packs_and_folders_hold_the_same_classes(face_pack: Path, face_folder: Path) -> None:
    pack, folder = CropDataset([face_pack], 112, "arcface"), CropDataset([face_folder], 112, "arcface")
    assert pack.classes == folder.classes == [f"s{number}" for number in range(8)]
    assert Counter(pack.labels.tolist()) == Counter(folder.labels.tolist()) == dict.fromkeys(range(8), 6)
    ours = {pack.labels[i]: pack.read(i).mean(axis=(0, 1)) for i in range(48)}
    theirs = {folder.labels[i]: folder.read(i).mean(axis=(0, 1)) for i in range(48)}
    assert all(np.abs(ours[label] - theirs[label]).max() < 6 for label in range(8))


def test_two_sets_with_one_name_are_two_classes(face_pack: Path, face_folder: Path) -> None:
    both = CropDataset([face_pack, face_folder], 112, "arcface")
    assert len(both) == 96
    assert len(both.classes) == 16
    assert both.labels.max() == 15


def test_processes_share_out_the_batch_of_one(face_pack: Path) -> None:
    crops = CropDataset([face_pack], 112, "arcface")
    whole = read_all(crops, BatchSlice(16, 0, 16), 0, 7)
    for threads, cuts in ((1, (0, 8, 16)), (3, (0, 4, 8, 12, 16))):
        parts = [read_all(crops, BatchSlice(16, a, b), 0, 7, threads) for a, b in pairwise(cuts)]
        for step, one in enumerate(whole):
            assert np.array_equal(np.concatenate([part[step].crops for part in parts]), one.crops)
            assert np.array_equal(np.concatenate([part[step].labels for part in parts]), one.labels)
            assert all(np.array_equal(part[step].everyone, one.labels) for part in parts)


def test_a_resumed_reader_goes_on_as_the_first_would(face_pack: Path) -> None:
    crops = CropDataset([face_pack], 112, "arcface")
    whole, rest = read_all(crops, BatchSlice(16, 0, 16), 0, 7), read_all(crops, BatchSlice(16, 0, 16), 4, 7)
    assert [batch.step for batch in rest] == [4, 5, 6]
    for a, b in zip(whole[4:], rest, strict=True):
        assert np.array_equal(a.crops, b.crops)


def test_an_epoch_shows_every_crop_once_in_an_order_of_its_own(face_pack: Path) -> None:
    crops = CropDataset([face_pack], 112, "arcface")
    first, second = crops.order(0, 1), crops.order(1, 1)
    assert sorted(first) == sorted(second) == list(range(48))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, CropDataset([face_pack], 112, "arcface").order(0, 1))


def test_large_packs_are_mixed_by_stretches() -> None:
    order = mixed(np.arange(98 * 1024), np.random.default_rng(0))
    assert sorted(order) == list(range(98 * 1024))
    assert len(np.unique(order[: 32 * 1024] // 1024)) == 32


def test_capped_and_balanced_sampling(tmp_path: Path) -> None:
    for subject, count in (("many", 30), ("few", 3), ("one", 1)):
        (tmp_path / subject).mkdir()
        for number in range(count):
            cv2.imwrite(str(tmp_path / subject / f"{number}.png"), np.full((112, 112, 3), number, np.uint8))
    capped = CropDataset([tmp_path], 112, "arcface", ClassChoice(most=5))
    assert capped.epoch_length == 9
    drawn = [Counter(capped.labels[capped.order(epoch, 1)].tolist()) for epoch in range(2)]
    assert drawn[0] == drawn[1] == {0: 3, 1: 5, 2: 1}
    assert set(capped.order(0, 1)) != set(capped.order(1, 1))
    least = CropDataset([tmp_path], 112, "arcface", ClassChoice(least=2))
    assert (least.classes, least.left_out, len(least)) == (["few", "many"], 1, 33)
    balanced = CropDataset([tmp_path], 112, "arcface", ClassChoice(least=2, sampling="balanced"))
    shares = np.bincount(np.concatenate([balanced.labels[balanced.order(e, 1)] for e in range(60)]))
    assert shares[0] / shares.sum() == pytest.approx(0.5, abs=0.04)


def test_a_class_without_images_is_named(tmp_path: Path, face_folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecipeError, match=r"the class .*empty has no images"):
        CropDataset([tmp_path], 112, "arcface")


def test_one_class_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    cv2.imwrite(str(tmp_path / "a" / "1.png"), np.zeros((112, 112, 3), np.uint8))
    with pytest.raises(RecipeError, match="1 class with at least 1 crops; a head needs two"):
        CropDataset([tmp_path], 112, "arcface")


def test_crops_of_another_size_or_pose_are_refused(face_pack: Path, face_folder: Path, make_pack: Callable) -> None:
    with pytest.raises(RecipeError, match="prepare a pack with --template dlib --size 150"):
        CropDataset([face_pack], 150, "dlib")
    crops = CropDataset([face_folder], 128, "arcface")
    with pytest.raises(RecipeError, match="has 112x112 pixels, and aligned crops of 128x128"):
        crops.read(0)


def test_what_is_no_data_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        CropDataset([tmp_path / "absent"], 112, "arcface")


@pytest.mark.parametrize("kind", KINDS)
def test_each_augmentation_changes_a_crop_and_follows_its_seed(kind: str, face_pack: Path) -> None:
    crop = CropDataset([face_pack], 112, "arcface").read(0)
    chances = Augment(**{"mirror": 0.0, kind: 1.0})
    one, two, other = (augment(crop, "arcface", chances, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == crop.shape and one.dtype == np.uint8
    assert np.array_equal(one, two)
    assert not np.array_equal(one, crop)
    assert kind == "mirror" or not np.array_equal(one, other)
    assert np.array_equal(augment(crop, "arcface", Augment(mirror=0), np.random.default_rng(0)), crop)


def test_augmentation_happens_as_often_as_it_says(face_pack: Path) -> None:
    crop = CropDataset([face_pack], 112, "arcface").read(0)
    generator = np.random.default_rng(0)
    mirrored = sum(
        not np.array_equal(augment(crop, "arcface", Augment(mirror=0.3), generator), crop) for _ in range(600)
    )
    assert mirrored / 600 == pytest.approx(0.3, abs=0.06)
