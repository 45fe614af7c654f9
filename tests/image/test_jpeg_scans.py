"""Scans are counted before anything is decoded, and must make a whole image."""

import time

import pytest
from PIL import Image as Pillow
from tests.image.test_jpeg import jpeg

from mien.errors import ImageError
from mien.image import decode
from mien.image.jpeg_scans import MAX_SCANS, max_scans, segments


def test_a_progressive_picture_without_its_last_scans_is_an_error() -> None:
    """It is valid in itself, and blurred: an end marker was put behind a cut between two scans."""
    data = jpeg("progressive")
    ends = [segment.stop for segment in segments(data) if segment.stop]
    assert len(ends) == 10
    for end in ends[:-1]:
        with pytest.raises(ImageError, match=r"damaged or cut off.*the last of its scans are missing"):
            decode(data[:end] + b"\xff\xd9", "x")


def with_scans(data: bytes, more: int) -> bytes:
    """The last scan again and again."""
    last = [data.rfind(b"\xff\xda"), len(data) - 2]
    return data[:-2] + data[slice(*last)] * more + b"\xff\xd9"


def test_a_small_file_with_thousands_of_scans_is_refused_at_once() -> None:
    """52 kB took 10 seconds, 0.8 MB more than 600."""
    flat = Pillow.new("RGB", (2000, 2000), (10, 10, 10))
    bomb = with_scans(jpeg("progressive", flat), 30_000)
    start = time.process_time()
    with pytest.raises(
        ImageError, match=r"x has more than 100 scans, so decoding it could take minutes; save it again"
    ):
        decode(bomb, "x")
    assert time.process_time() - start < 0.5


def test_large_pictures_may_have_fewer_scans() -> None:
    assert max_scans(1000, 1000) == max_scans(3872, 3872) == MAX_SCANS
    assert max_scans(10_000, 10_000) == 15 and max_scans(1, 1) == MAX_SCANS


def test_scans_of_single_components_are_counted_and_must_all_be_there() -> None:
    data = jpeg()
    place = data.find(b"\xff\xda")
    # The header of a scan of the first component alone.
    one = data[:place] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + data[place + 14 :]
    with pytest.raises(ImageError, match=r"damaged or cut off.*the last of its scans are missing"):
        decode(one, "x")
    with pytest.raises(ImageError, match="more than 100 scans"):
        decode(with_scans(one, 200), "x")
