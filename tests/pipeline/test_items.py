"""Items: a file, its bytes and its pixels are one image, read when they are needed and not before."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.errors import ImageError
from mien.image import Limits
from mien.pipeline.items import Item, Loaded, array_item, as_item, bytes_item, file_item
from mien.types import Image, Photo


@pytest.fixture(scope="module")
def image() -> Image:
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


@pytest.fixture
def path(tmp_path: Path, image: Image) -> Path:
    Pillow.fromarray(image).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_every_kind_gives_the_pixels_and_its_name(path: Path, image: Image) -> None:
    items = [file_item(path), bytes_item("bytes", path.read_bytes()), array_item("array", image)]
    assert [item.name for item in items] == [str(path), "bytes", "array"]
    assert all(np.array_equal(item.image(), image) for item in items)
    assert as_item(path).name == str(path) and as_item(items[2]) is items[2]


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    missing, wrong = file_item(tmp_path / "none.png"), array_item("flat", np.zeros((4, 4), np.uint8))
    with pytest.raises(ImageError, match=r"none\.png does not exist"):
        missing.image()
    with pytest.raises(ImageError, match=r"flat has shape \(4, 4\)"):
        wrong.image()


def test_limits_hold_for_every_kind(path: Path, image: Image) -> None:
    for item in (file_item(path), bytes_item("bytes", path.read_bytes()), array_item("array", image)):
        with pytest.raises(ImageError, match=r"30x20 pixels, over the limit of 599"):
            item.image(Limits(max_pixels=599))


def test_the_hash_is_that_of_the_bytes_or_of_shape_and_pixels(image: Image) -> None:
    def loaded(data: bytes, pixels: Image) -> Loaded:
        return Loaded(Item("x", lambda _: data), data, Photo(pixels, pixels.shape[1], pixels.shape[0]))

    assert loaded(b"encoded", image).sha256 == hashlib.sha256(b"encoded").hexdigest()
    array = loaded(b"", image).sha256
    assert array == loaded(b"", image.copy()).sha256 == hashlib.sha256(b"30x20 RGB\n" + image.tobytes()).hexdigest()
    others = [loaded(b"", one).sha256 for one in (image.reshape(30, 20, 3), image[::-1])]
    assert len({array, *others}) == 3
