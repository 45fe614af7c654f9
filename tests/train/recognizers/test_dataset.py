"""What is trained on, in which order, and that neither processes nor threads change it."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import RecipeError
from mien.train.compute.order import BatchSlice, Readers
from mien.train.recognizers import sampling
from mien.train.recognizers.dataset import BatchReading, CropBatch, CropChoice, CropDataset, batches

THREAD = Readers()


def read_all(
    crops: CropDataset, share: BatchSlice, start: int, end: int, readers: Readers = THREAD
) -> list[CropBatch]:
    probabilities = {"mirror": 0.5, "colour": 0.5, "jpeg": 0.3}
    reading = BatchReading(share=share, seed=7, probabilities=probabilities, readers=readers)
    return list(batches(crops, reading, start, end))


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
    for readers, cuts in ((Readers(1), (0, 8, 16)), (Readers(3), (0, 4, 8, 12, 16)), (Readers(1, 2), (0, 8, 16))):
        parts = [read_all(crops, BatchSlice(16, a, b), 0, 7, readers) for a, b in pairwise(cuts)]
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


def test_capped_and_balanced_sampling(tmp_path: Path) -> None:
    for subject, count in (("many", 30), ("few", 3), ("one", 1)):
        (tmp_path / subject).mkdir()
        for number in range(count):
            cv2.imwrite(str(tmp_path / subject / f"{number}.png"), np.full((112, 112, 3), number, np.uint8))
    capped = CropDataset([tmp_path], 112, "arcface", CropChoice(max_crops=5))
    assert capped.epoch_length == 9
    drawn = [Counter(capped.labels[capped.order(epoch, 1)].tolist()) for epoch in range(2)]
    assert drawn[0] == drawn[1] == {0: 3, 1: 5, 2: 1}
    assert set(capped.order(0, 1)) != set(capped.order(1, 1))
    chosen = CropDataset([tmp_path], 112, "arcface", CropChoice(min_crops=2))
    assert (chosen.classes, chosen.left_out, len(chosen)) == (["few", "many"], 1, 33)
    balanced = CropDataset([tmp_path], 112, "arcface", CropChoice(min_crops=2, sampling="balanced"))
    shares = np.bincount(np.concatenate([balanced.labels[balanced.order(e, 1)] for e in range(60)]))
    assert shares[0] / shares.sum() == pytest.approx(0.5, abs=0.04)


def test_the_maximum_of_crops_per_class_also_holds_with_balanced_sampling(tmp_path: Path) -> None:
    """max_crops was read and had no effect: an epoch drew from all crops of a class."""
    for subject, count in (("many", 30), ("few", 3)):
        (tmp_path / subject).mkdir()
        for number in range(count):
            cv2.imwrite(str(tmp_path / subject / f"{number}.png"), np.full((112, 112, 3), number, np.uint8))
    crops = CropDataset([tmp_path], 112, "arcface", CropChoice(max_crops=5, sampling="balanced"))
    assert crops.epoch_length == 8
    epochs = [crops.order(epoch, 1) for epoch in range(40)]
    assert all(len(order) == 8 for order in epochs)
    assert all(len({int(one) for one in order if crops.labels[one] == 1}) <= 5 for order in epochs)
    assert len({int(one) for order in epochs for one in order}) == 33, "each epoch draws other crops"
    shares = np.bincount(np.concatenate([crops.labels[order] for order in epochs]))
    assert shares[0] / shares.sum() == pytest.approx(0.5, abs=0.1)


def test_packs_are_read_in_groups_of_stretches_and_folders_in_any_order(
    face_pack: Path, face_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "STRETCH", 4)
    monkeypatch.setattr(sampling, "MIXED", 2)

    def stretches(*paths: Path) -> list[int]:
        """How many stretches of four crops there are in each eight crops of an epoch."""
        order = CropDataset(paths, 112, "arcface").order(0, 1)
        assert sorted(order) == list(range(48 * len(paths)))
        return [len(np.unique(order[first : first + 8] // 4)) for first in range(0, len(order), 8)]

    assert stretches(face_pack) == [2] * 6
    assert stretches(face_pack, face_pack) == [2] * 12
    for paths in ((face_folder,), (face_pack, face_folder)):
        assert min(stretches(*paths)) > 2, "a folder has no stretches: its crops are files of their own"


def test_one_class_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    cv2.imwrite(str(tmp_path / "a" / "1.png"), np.zeros((112, 112, 3), np.uint8))
    with pytest.raises(RecipeError, match="1 class with at least 1 crops; a head needs two"):
        CropDataset([tmp_path], 112, "arcface")


def test_order_and_augmentation_follow_the_seed_and_change_with_the_epoch(face_pack: Path) -> None:
    crops = CropDataset([face_pack], 112, "arcface")
    assert not np.array_equal(crops.order(0, 1), crops.order(0, 2))

    def images(seed: int, epoch: int) -> dict[int, np.ndarray]:
        reading = BatchReading(share=BatchSlice(16, 0, 16), seed=seed, probabilities={"crop": 1.0}, readers=Readers())
        read = list(batches(crops, reading, 3 * epoch, 3 * epoch + 3))
        return {int(number): crop for batch in read for number, crop in zip(batch.numbers, batch.crops, strict=True)}

    first = images(7, 0)
    assert len(first) == 48
    for other in (images(8, 0), images(7, 1)):
        assert not any(np.array_equal(first[number], other[number]) for number in range(48))


def test_another_seed_augments_the_same_crop_at_the_same_place_differently(
    face_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CropDataset, "order", lambda crops, epoch, seed: np.arange(48))
    crops = CropDataset([face_pack], 112, "arcface")
    share, found = BatchSlice(16, 0, 16), []
    for seed in (7, 7, 8):
        reading = BatchReading(share=share, seed=seed, probabilities={"crop": 1.0}, readers=Readers())
        found.append(next(batches(crops, reading, 0, 1)))
    first, same, other = found
    assert np.array_equal(first.crops, same.crops)
    assert not any(np.array_equal(a, b) for a, b in zip(first.crops, other.crops, strict=True))
