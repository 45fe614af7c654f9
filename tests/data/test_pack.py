"""Reading a pack in a random order."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mien.data import pack as packs
from mien.data.export import export_folders, export_recordio
from mien.data.pack import Pack
from mien.data.shards import ShardWriter, encode_crop
from mien.data.sources import recordio_pack
from mien.errors import ManifestError
from mien.progress import Progress


def make(folder: Path, count: int, subjects: int, monkeypatch: pytest.MonkeyPatch) -> Pack:
    """A pack whose crop number i has the grey value i."""
    monkeypatch.setattr(packs, "STRETCH", 8)
    folder.mkdir()
    shards = []
    for number, rows in enumerate(np.array_split(np.arange(count), 2)):
        writer = ShardWriter(folder, f"shard-{number:05d}")
        crops = [encode_crop(np.full((16, 16, 3), row, np.uint8), 95) for row in rows]
        writer.add([(int(row), "written", "", "", crop) for row, crop in zip(rows, crops, strict=True)])
        table = pa.table({"path": [f"{row}.jpg" for row in rows], "subject": [f"s{row % subjects}" for row in rows]})
        shards.append(writer.finish(table))
    about = {"format": "mien pack", "version": 1, "size": 16, "template": "arcface"}
    import json
    from dataclasses import asdict

    (folder / "pack.json").write_text(json.dumps({**about, "shards": [asdict(shard) for shard in shards]}))
    return Pack(folder)


def test_a_pass_gives_every_crop_once_with_its_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make(tmp_path / "p", 60, 3, monkeypatch)
    seen = []
    for images, labels in pack.shuffled(10, seed=1):
        assert images.shape == (10, 16, 16, 3) and labels.dtype == np.int64
        for image, label in zip(images, labels, strict=True):
            number = int(np.rint(image.mean()))
            assert pack.subjects[label] == f"s{number % 3}"
            seen.append(number)
    assert sorted(seen) == list(range(60)) and seen != sorted(seen)


def test_the_seed_decides_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make(tmp_path / "p", 60, 3, monkeypatch)
    passes = [[labels.tolist() for _, labels in pack.shuffled(7, seed=seed)] for seed in (1, 1, 2)]
    assert passes[0] == passes[1] != passes[2]


def test_readers_share_a_pass_between_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make(tmp_path / "p", 64, 3, monkeypatch)
    seen = [
        int(np.rint(image.mean()))
        for rank in range(3)
        for images, _ in pack.shuffled(1, seed=5, rank=rank, world=3)
        for image in images
    ]
    assert sorted(seen) == list(range(64))


def test_single_crops_and_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make(tmp_path / "p", 21, 2, monkeypatch)
    assert [int(np.rint(crop.mean())) for crop in pack.crops()] == list(range(21))
    assert int(np.rint(pack.read(17).mean())) == 17
    assert [row["row"] for row in pack.rows()] == list(range(21))


def test_a_pack_goes_out_as_recordio_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make(tmp_path / "p", 30, 4, monkeypatch)
    points: list[Progress] = []
    export_recordio(pack, tmp_path / "rec", on_progress=points.append)
    assert [point.done for point in points] == list(range(1, 31)) and points[0].total == 30
    back = list(recordio_pack.read(tmp_path / "rec"))
    assert len(back) == 30
    names = (tmp_path / "rec" / "subjects.txt").read_text().split()
    from mien.data.encoded import read_encoded

    pairs = {(read_encoded(s), names[int(s.subject)]) for s in back}  # type: ignore[union-attr, arg-type]
    assert pairs == {(pack.encoded(i), pack.subjects[pack.labels[i]]) for i in range(30)}
    with pytest.raises(ManifestError, match="is not empty"):
        export_recordio(pack, tmp_path / "rec")


def test_a_pack_goes_out_as_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make(tmp_path / "p", 12, 3, monkeypatch)
    export_folders(pack, tmp_path / "f")
    assert sorted(path.name for path in (tmp_path / "f").iterdir()) == ["s0", "s1", "s2"]
    assert (tmp_path / "f" / "s2" / "0000005.jpg").read_bytes() == pack.encoded(5)


def test_subjects_that_would_share_a_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make(tmp_path / "p", 12, 3, monkeypatch)
    pack.subjects = ["a/b", "a:b", "c"]
    with pytest.raises(ManifestError, match="would share the folder a_b"):
        export_folders(pack, tmp_path / "f")
