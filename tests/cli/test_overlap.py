"""mien data overlap, as a user calls it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli import run
from mien.data.manifest_io import read_manifest
from mien.types import Image


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name, image in {
        "train/Collins/1.png": collins,
        "train/Collins/2.png": collins[:400, 60:460],
        "train/Hopper/1.png": hopper,
        "train/Wall/1.png": np.full((120, 160, 3), 120, np.uint8),
        "test/Grace/a.png": hopper[:, 20:],
        "test/Nobody/b.png": np.full((90, 80, 3), 30, np.uint8),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.ascontiguousarray(image)).save(folder / name)
    return folder


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_overlap_lists_and_cleans(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "overlap"
    a, b = str(people / "train"), str(people / "test")
    assert run(["data", "overlap", a, b, "--out", str(out), "--workers", "1", "--json"]) == 0
    (counts,) = lines(capsys)
    with (out / "overlap.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["a_subject"], row["b_subject"]) for row in rows] == [("Hopper", "Grace")]
    assert counts["exact"] + counts["near"] + counts["same face"] == 1 and counts["rows_removed"] == 1
    assert set(read_manifest(out / "cleaned.parquet").subjects) == {"Collins", "Wall"}
    assert run(["data", "overlap", a, a, "--out", str(out), "--no-faces", "--workers", "1", "--json"]) == 0
    assert lines(capsys)[0]["exact"] == 4
