"""PBM, PGM and PPM in all their forms."""

import numpy as np
import pytest

from mien.errors import ImageError
from mien.image import decode

GREY = np.arange(12 * 10, dtype=np.uint16).reshape(10, 12) * 2
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=2)


def in_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def text_of(values: np.ndarray) -> bytes:
    return b"\n".join(b" ".join(b"%d" % value for value in row.reshape(-1)) for row in values)


@pytest.mark.parametrize("comment", [b"", b"# by a camera\n"])
def test_binary_and_plain_files_give_the_same_pixels(comment: bytes) -> None:
    head = b"\n" + comment + b"12 10\n255\n"
    for data in (b"P5" + head + GREY.astype(np.uint8).tobytes(), b"P2" + head + text_of(GREY)):
        assert (decode(data, "x").image == in_rgb(GREY)).all()
    for data in (b"P6" + head + COLOUR.astype(np.uint8).tobytes(), b"P3" + head + text_of(COLOUR)):
        assert (decode(data, "x").image == COLOUR).all()


@pytest.mark.parametrize("white", [1, 15, 100, 1023, 4095])
def test_white_is_white_at_every_depth(white: int) -> None:
    values = np.linspace(0, white, 120).round().astype(np.uint16).reshape(10, 12)
    kind = np.dtype(np.uint8 if white < 256 else ">u2")
    image = decode(b"P5 12 10 %d\n" % white + values.astype(kind).tobytes(), "x").image
    assert (image[0, 0] == 0).all() and (image[-1, -1] == 255).all()
    assert np.abs(image[..., 0].astype(float) - values * (255 / white)).max() <= 0.501


def test_twelve_bits_of_an_infrared_camera_in_a_file_of_16_are_not_black() -> None:
    values = (GREY * 16).astype(">u2")
    image = decode(b"P5 12 10 65535\n" + values.tobytes(), "x").image
    assert (image == in_rgb(GREY)).all()


def test_bitmaps_are_black_on_white() -> None:
    for data in (b"P1\n3 2\n1 0 1\n0 0 0\n", b"P4\n3 2\n\xa0\x00"):
        assert (decode(data, "x").image == in_rgb(np.array([[0, 255, 0], [255, 255, 255]]))).all()


@pytest.mark.parametrize(
    "data",
    [
        b"P5 12 10 255\n" + bytes(119),
        b"P2 12 10 255\n" + text_of(GREY)[:-8],
        b"P2 2 1 255\n3 four",
        b"P2 2 1 255\n3 -4",
        b"P2 2 1 255\n3 99999999",
        b"P3 2 1 255\n3 4 5 6",
        b"P5 12 10 0\n" + bytes(120),
        b"P5 12 10",
        b"P6 99999 99999 255\n" + bytes(99),
    ],
)
def test_missing_and_false_values_are_errors(data: bytes) -> None:
    with pytest.raises(ImageError, match=r"^x "):
        decode(data, "x")
