"""What tests of the verbs of mien data share: a training set and a test set of few images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli import run
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


@pytest.fixture(scope="module")
def pack(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of the training set: 3 crops of 2 subjects."""
    folder = tmp_path_factory.mktemp("packs") / "pack"
    assert run(["data", "prepare", str(people / "train"), "--out", str(folder), "--workers", "1"]) == 4
    return folder
