"""What tests of several verbs share: a folder of two subjects with probes, and a gallery of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli import run
from mien.types import Image


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    """A folder of two subjects, one broken file, and some probes next to it."""
    folder = tmp_path_factory.mktemp("people")
    for name, image in {
        "enrol/Eileen Collins/1.png": collins,
        "enrol/Grace Hopper/1.png": hopper,
        "collins.jpg": (collins * 0.7).astype(np.uint8),
        "hopper.jpg": hopper[:, ::-1],
        "both.png": np.concatenate([collins, hopper[:512]], axis=1),
        "wall.png": np.full((120, 160, 3), 120, np.uint8),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.ascontiguousarray(image)).save(folder / name)
    (folder / "enrol/Grace Hopper/broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (folder / "rubbish.txt").write_text("no image")
    return folder


@pytest.fixture(scope="session")
def gallery(people: Path) -> Path:
    path = people / "people.gallery"
    assert run(["enrol", str(path), str(people / "enrol")]) == 4
    return path


@pytest.fixture(scope="session")
def masked_path(people: Path, masked: Image) -> Path:
    """The masked portrait as a file."""
    Pillow.fromarray(masked).save(people / "masked.png")
    return people / "masked.png"
