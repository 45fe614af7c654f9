"""Damaged pixels of a PNG are an error, damage in what holds no pixels is not."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from mien.errors import ImageError
from mien.image import decode
from mien.image.png import chunks, without_damaged_extras

IMAGE = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)


def png(**options: object) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(IMAGE).save(out, "PNG", **options)
    return out.getvalue()


def place_of(data: bytes, wanted: bytes) -> tuple[int, int]:
    return next((start, end) for kind, start, end in chunks(data) if kind == wanted)


def test_pixels_whose_checksum_differs_are_an_error() -> None:
    """One colour is not another: a flipped bit may leave data that can still be unpacked."""
    data = bytearray(png(compress_level=0))
    start, end = place_of(bytes(data), b"IDAT")
    data[(start + end) // 2] ^= 1
    with pytest.raises(ImageError, match=r"x is broken or cut off: .*check"):
        decode(bytes(data), "x")


@pytest.mark.parametrize("damage", ["a flipped bit", "a bomb"])
def test_a_damaged_colour_profile_refuses_no_picture(damage: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = png(icc_profile=profile)
    start, end = place_of(data, b"iCCP")
    if damage == "a bomb":
        body = b"iCCPa\0\0" + zlib.compress(bytes(300 * 2**20), 9)
        chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        data = data[:start] + chunk + data[end:]
    else:
        data = data[: start + 30] + bytes([data[start + 30] ^ 1]) + data[start + 31 :]
    assert (decode(data, "x").image == IMAGE).all()


def test_orientation_and_transparency_stay_where_a_comment_is_damaged() -> None:
    from PIL import PngImagePlugin

    exif, text = Pillow.Exif(), PngImagePlugin.PngInfo()
    exif[0x0112] = 6
    text.add_text("comment", "hello")
    data = png(exif=exif, pnginfo=text)
    start, _ = place_of(data, b"tEXt")
    data = data[: start + 10] + b"\xff" + data[start + 11 :]
    assert (decode(data, "x").image == np.rot90(IMAGE, -1)).all()
    assert {kind for kind, _, _ in chunks(without_damaged_extras(data))} == {b"IHDR", b"IDAT", b"IEND", b"eXIf"}
