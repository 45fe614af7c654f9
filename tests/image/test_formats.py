"""A new image format is one entry of the table."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import PpmImagePlugin

from mien.errors import ImageError
from mien.image import FORMATS, find_images, has_image_suffix, read_image
from mien.image.formats import Format, open_header

IMAGE = np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3)


def test_a_format_added_in_one_place_is_found_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "face.ppm"
    Pillow.fromarray(IMAGE).save(path)
    assert find_images(tmp_path) == []
    with pytest.raises(ImageError, match="is not a JPEG, PNG, WebP, BMP, TIFF or HEIC file"):
        read_image(path)
    made_up = Format("PPM", (".ppm",), lambda data: data.startswith(b"P6"), PpmImagePlugin.PpmImageFile)
    monkeypatch.setitem(FORMATS, "ppm", made_up)
    assert find_images(tmp_path) == [path] and has_image_suffix(Path("A.PPM"))
    assert np.array_equal(read_image(path), IMAGE)
    with pytest.raises(ImageError, match="HEIC or PPM file"):
        open_header(b"nothing", "x")


def test_a_format_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> None:
        raise ImportError

    made_up = Format("AVIF", (".avif",), lambda data: data[4:12] == b"ftypavif", missing, extra="avif")  # type: ignore[arg-type]
    monkeypatch.setitem(FORMATS, "avif", made_up)
    with pytest.raises(ImageError, match=r"x is AVIF, which needs an extra: pip install '\.\[avif\]'"):
        open_header(b"\0\0\0\x20ftypavif", "x")
