"""Image files on disk: found in a folder, read in either normal form, and refused over the limit."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.errors import ImageError
from mien.image import find_images, is_folder, read_bytes, read_image
from mien.image.files import read_start

IMAGE = np.arange(40 * 60 * 3).reshape(40, 60, 3).astype(np.uint8)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_vietnamese_file_names_in_both_normal_forms(tmp_path: Path, form: str) -> None:
    name = "Nguyễn Thị Hồng Đào.png"
    Pillow.fromarray(IMAGE).save(tmp_path / unicodedata.normalize(form, name))
    for asked in ("NFC", "NFD"):
        assert np.array_equal(read_image(tmp_path / unicodedata.normalize(asked, name)), IMAGE)


def test_find_images_is_sorted_and_skips_hidden_files(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", ".hidden.jpg", "note.txt", "sub/c.webp", ".cache/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [str(path.relative_to(tmp_path)) for path in find_images(tmp_path)] == ["a.PNG", "b.jpg", "sub/c.webp"]


def folder(path: Path) -> Path:
    return path


def missing(path: Path) -> Path:
    return path / "nobody.jpg"


@pytest.mark.parametrize(("place", "says"), [(folder, "not a regular file"), (missing, "does not exist")])
def test_paths_that_are_no_files(tmp_path: Path, place: Callable[[Path], Path], says: str) -> None:
    with pytest.raises(ImageError, match=says):
        read_image(place(tmp_path))


def test_the_default_limit_is_64_mebibytes(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as stream:
        stream.truncate(64 * 2**20)
    assert len(read_bytes(path)) == 64 * 2**20
    with path.open("wb") as stream:
        stream.truncate(64 * 2**20 + 1)
    with pytest.raises(ImageError, match="over the limit of 67108864"):
        read_bytes(path)


def test_the_start_of_a_file_is_read_in_either_normal_form(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "Hồng.bin")).write_bytes(b"0123456789")
    assert read_start(tmp_path / unicodedata.normalize("NFC", "Hồng.bin"), 4) == b"0123"
    with pytest.raises(ImageError, match=r"none\.bin does not exist"):
        read_start(tmp_path / "none.bin", 4)


@pytest.mark.parametrize("length", [256, 5000])
def test_a_name_that_is_too_long_is_an_error_that_says_so(length: int) -> None:
    with pytest.raises(ImageError, match="too long") as caught:
        read_bytes(Path("x" * length))
    assert len(str(caught.value)) < 400 and not is_folder(Path("x" * length))
