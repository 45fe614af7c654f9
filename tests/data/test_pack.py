"""Reading a pack, in order and in a random order."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fuzz import mutants
from mien.data.pack import Pack
from mien.errors import ManifestError

MakePack = Callable[[Path, int, int], Pack]


def test_a_pass_gives_every_crop_once_with_its_label(tmp_path: Path, make_pack: MakePack) -> None:
    pack = make_pack(tmp_path / "p", 60, 3)
    seen = []
    for images, labels in pack.shuffled(10, seed=1):
        assert images.shape == (10, 16, 16, 3) and labels.dtype == np.int64
        for image, label in zip(images, labels, strict=True):
            number = int(np.rint(image.mean()))
            assert pack.subjects[label] == f"s{number % 3}"
            seen.append(number)
    assert sorted(seen) == list(range(60)) and seen != sorted(seen)


def test_the_seed_decides_the_order(tmp_path: Path, make_pack: MakePack) -> None:
    pack = make_pack(tmp_path / "p", 60, 3)
    passes = [[labels.tolist() for _, labels in pack.shuffled(7, seed=seed)] for seed in (1, 1, 2)]
    assert passes[0] == passes[1] != passes[2]


def test_readers_share_a_pass_between_them(tmp_path: Path, make_pack: MakePack) -> None:
    pack = make_pack(tmp_path / "p", 64, 3)
    seen = [
        int(np.rint(image.mean()))
        for rank in range(3)
        for images, _ in pack.shuffled(1, seed=5, rank=rank, world=3)
        for image in images
    ]
    assert sorted(seen) == list(range(64))


def test_single_crops_and_all_of_them(tmp_path: Path, make_pack: MakePack) -> None:
    pack = make_pack(tmp_path / "p", 21, 2)
    assert [int(np.rint(crop.mean())) for crop in pack.crops()] == list(range(21))
    assert int(np.rint(pack.read(17).mean())) == 17
    assert [row["row"] for row in pack.rows()] == list(range(21))


def test_batches_mix_many_stretches(tmp_path: Path, make_pack: MakePack) -> None:
    """Eight stretches of eight crops are mixed, so a batch of 32 holds crops of nearly all of them."""
    pack = make_pack(tmp_path / "p", 128, 4)
    images, _ = next(pack.shuffled(32, seed=3))
    assert len({int(np.rint(image.mean())) // 8 for image in images}) >= 7


def test_damaged_packs_are_refused_by_name(tmp_path: Path, make_pack: MakePack) -> None:
    folder = tmp_path / "pack"
    make_pack(folder, 24, 4)
    for name in ("pack.json", "shard-00000.parquet", "shard-00001.bin"):
        whole = (folder / name).read_bytes()
        for copy in mutants(whole, 60, seed=15):
            (folder / name).write_bytes(copy)
            try:
                pack = Pack(folder)
                assert len(list(pack.crops())) == len(pack)
            except ManifestError as fault:
                assert "pack" in str(fault)
        (folder / name).write_bytes(whole)
