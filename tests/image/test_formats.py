"""A new image format is one entry of the table."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import TgaImagePlugin

from mien.errors import ImageError
from mien.image import FORMATS, find_images, has_image_suffix, read_image
from mien.image.formats import Format, open_header

IMAGE = np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3)


def test_a_format_added_in_one_place_is_found_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "face.tga"
    Pillow.fromarray(IMAGE).save(path)
    assert find_images(tmp_path) == []
    with pytest.raises(ImageError, match="is not a JPEG, PNG, WebP, BMP, TIFF, HEIC, AVIF, GIF or PBM/PGM/PPM file"):
        read_image(path)
    made_up = Format("TGA", (".tga",), lambda data: data[2:3] == b"\x02", TgaImagePlugin.TgaImageFile)
    monkeypatch.setitem(FORMATS, "tga", made_up)
    assert find_images(tmp_path) == [path] and has_image_suffix(Path("A.TGA"))
    assert np.array_equal(read_image(path), IMAGE)
    with pytest.raises(ImageError, match="PBM/PGM/PPM or TGA file"):
        open_header(b"nothing", "x")


@pytest.mark.parametrize("name", ["a.avif", "a.gif", "a.pgm", "a.pbm", "A.PPM", "a.pnm"])
def test_images_that_were_no_images_are_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    kind = {"avif": "AVIF", "gif": "GIF"}.get(name[-4:].strip("."), "PPM")
    grey = Pillow.fromarray(IMAGE).convert("1" if name == "a.pbm" else "L" if name == "a.pgm" else "RGB")
    grey.save(path, kind)
    assert find_images(tmp_path) == [path] and read_image(path).shape == IMAGE.shape


def test_of_an_animation_the_first_frame_is_read(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (20, 30), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "AVIF", "PNG"):
        path = tmp_path / f"a.{kind.lower()}"
        frames[0].save(path, kind, save_all=True, append_images=frames[1:])
        red, _, blue = read_image(path)[15, 10].tolist()
        assert red > 240 and blue < 15


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\0\0\0\x0cjP  \r\n\x87\n", "is a JPEG 2000 image, which is not read: convert it to JPEG or PNG"),
        (b"%PDF-1.7\n", "is a PDF document, which is not read: export its pages as JPEG or PNG"),
        (b"<!DOCTYPE html><html>404", "is a web page, which is not read: download it again"),
        (b"version https://git-lfs.github.com/spec/v1", "is a Git LFS pointer.*git lfs pull"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "is a video, which is not read"),
        (b"8BPS\0\x01", "is a Photoshop file.*convert it to JPEG or PNG"),
    ],
)
def test_what_is_mistaken_for_an_image_is_named_with_a_remedy(data: bytes, says: str) -> None:
    with pytest.raises(ImageError, match=f"^x {says}"):
        open_header(data, "x")


def test_a_format_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> None:
        raise ImportError

    made_up = Format("FLIF", (".flif",), lambda data: data[:4] == b"FLIF", missing, extra="flif")  # type: ignore[arg-type]
    monkeypatch.setitem(FORMATS, "flif", made_up)
    with pytest.raises(ImageError, match=r"x is FLIF, which needs an extra: pip install 'mien\[flif\]'"):
        open_header(b"FLIF", "x")
