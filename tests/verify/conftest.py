"""What the tests of verify share: photographs with a list of pairs of them, and made-up images and rows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.types import Image, floats
from mien.verify.compared_images import ComparedImage
from mien.verify.pair_list import AskedPair

LIST = """id,card,selfie,label
one,cards/collins.png,selfies/collins.jpg,same
two,cards/hopper.jpg,selfies/hopper.jpg,same
three,cards/collins.png,selfies/hopper.jpg,different
masked,cards/collins.png,selfies/masked.png,same
wall,cards/collins.png,selfies/wall.png,different
broken,cards/hopper.jpg,selfies/broken.jpg,
missing,cards/hopper.jpg,selfies/missing.jpg,
unpaired,cards/hopper.jpg,,
"""


def write_photographs(folder: Path, collins: Image, hopper: Image, masked: Image) -> Path:
    """The list's photographs and the list."""
    for name, image in {
        "cards/collins.png": collins,
        "cards/hopper.jpg": hopper,
        "selfies/collins.jpg": (collins * 0.7).astype(np.uint8),
        "selfies/hopper.jpg": hopper[:, ::-1],
        "selfies/masked.png": masked,
        "selfies/wall.png": np.full((120, 160, 3), 120, np.uint8),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.ascontiguousarray(image)).save(folder / name)
    (folder / "selfies/broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (folder / "pairs.csv").write_text(LIST)
    return folder / "pairs.csv"


@pytest.fixture
def listed(tmp_path: Path, collins: Image, hopper: Image, masked: Image) -> Path:
    """A list of eight rows of a person's card and selfie."""
    return write_photographs(tmp_path / "set", collins, hopper, masked)


@pytest.fixture
def made_image() -> Callable[..., ComparedImage]:
    """Makes an image with an embedding in a direction of a plane."""

    def make(path: str, degrees: float = 0.0, **known: object) -> ComparedImage:
        turned = np.radians(degrees)
        values = {
            "stamp": (1, 1),
            "sha256": path,
            "box": (1.0, 2.0, 90.0, 120.0),
            "embedding": floats([np.cos(turned), np.sin(turned)]),
        }
        return ComparedImage(path=path, **{**values, **known})  # type: ignore[arg-type]

    return make


@pytest.fixture
def made_pair() -> Callable[..., AskedPair]:
    """Makes a row of a list."""

    def make(row: int, first: str, second: str, label: bool | None = None, problem: str = "") -> AskedPair:
        return AskedPair(
            row=row, id=str(row), a=first, b=second, first=first, second=second, label=label, problem=problem
        )

    return make
