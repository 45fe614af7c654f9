"""Packs of made-up crops."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mien.data import pack as packs
from mien.data.pack import Pack
from mien.data.shards import ShardWriter, encode_crop


@pytest.fixture
def make_pack(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int, int], Pack]:
    """Make a pack of two shards, whose crop number i has the grey value i and the subject i modulo `subjects`."""

    def make(folder: Path, count: int, subjects: int) -> Pack:
        monkeypatch.setattr(packs, "STRETCH", 8)
        folder.mkdir()
        shards = []
        for number, rows in enumerate(np.array_split(np.arange(count), 2)):
            writer = ShardWriter(folder, f"shard-{number:05d}")
            crops = [encode_crop(np.full((16, 16, 3), row, np.uint8), 95) for row in rows]
            writer.add([(int(row), "written", "", "", crop) for row, crop in zip(rows, crops, strict=True)])
            names = [f"s{row % subjects}" for row in rows]
            shards.append(writer.finish(pa.table({"path": [f"{row}.jpg" for row in rows], "subject": names})))
        about = {"format": "mien pack", "version": 1, "size": 16, "template": "arcface"}
        (folder / "pack.json").write_text(json.dumps({**about, "shards": [asdict(shard) for shard in shards]}))
        return Pack(folder)

    return make
