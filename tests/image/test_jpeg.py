"""Damaged JPEGs are refused, and harmless oddities are not."""

import io
from collections.abc import Callable, Iterator
from random import Random

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.errors import ImageError
from mien.image import decode
from mien.image.jpeg import decode_whole
from mien.image.jpeg_scans import DamagedError, segments

KINDS = {
    "baseline": {"quality": 90},
    "optimized": {"quality": 85, "optimize": True},
    "progressive": {"quality": 90, "progressive": True},
    "restarts": {"quality": 90, "restart_marker_rows": 1},
    "grey": {"quality": 90},
    "CMYK": {"quality": 90},
}


def texture(width: int = 260, height: int = 390) -> Pillow.Image:
    """Smooth colours with fine detail, as a photograph has."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    smooth = np.stack([columns / width, rows / height, (rows + columns) / (width + height)], axis=2) * 200
    return Pillow.fromarray(
        np.clip(smooth + np.random.default_rng(3).normal(20, 12, smooth.shape), 0, 255).astype(np.uint8)
    )


def jpeg(kind: str = "baseline", picture: Pillow.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    mode = {"grey": "L", "CMYK": "CMYK"}.get(kind, "RGB")
    (picture or texture()).convert(mode).save(out, "JPEG", **(KINDS[kind] | options))
    return out.getvalue()


def pixels_start(data: bytes) -> int:
    return next(segment.start for segment in segments(data) if segment.stop)


def damaged_middles(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Zeros in the middle, a missing middle, and an end marker behind a cut, in turn."""
    chance = Random(seed)
    start = pixels_start(data)
    tenth = (len(data) - start) // 10
    for kind in range(count):
        place = chance.randrange(start + tenth, len(data) - 2 * tenth)
        size = chance.choice((250, 1000, 4000))
        size = min(size, len(data) - place - 10)
        if kind % 3 == 0:
            yield data[:place] + bytes(size) + data[place + size :]
        elif kind % 3 == 1:
            yield data[:place] + data[place + size :]
        else:
            yield data[:place] + b"\xff\xd9"


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_grey_picture_is_an_error(kind: str) -> None:
    """Up to version 0.5 all of these were decoded, most of them with a grey half.

    Where a part is missing, the data that is left may by chance hold exactly as many blocks as before; two copies may
    pass. Both are progressive ones, which differ from the original in the last bit of some coefficients.
    """
    data = jpeg(kind)
    assert decode(data, "x").image.shape == (390, 260, 3)
    decoded = []
    for place, damaged in enumerate(damaged_middles(data, 60, seed=5)):
        try:
            decode(damaged, "x")
            decoded.append(place)
        except ImageError as reason:
            assert str(reason).startswith("x is damaged or cut off, so some of its pixels are missing: ")
    assert len(decoded) <= 2 * (kind == "progressive") and all(place % 3 == 1 for place in decoded)


def test_a_thousand_zeros_in_the_middle_are_an_error_wherever_they_are() -> None:
    data = jpeg()
    start = pixels_start(data)
    for place in range(start, len(data) - 1002, (len(data) - start) // 40):
        with pytest.raises(ImageError, match="damaged"):
            decode(data[:place] + bytes(1000) + data[place + 1000 :], "x")


def test_a_header_of_65500x1500_over_data_of_260x390_is_an_error() -> None:
    data = jpeg()
    place = data.find(b"\xff\xc0") + 5
    for width, height in ((65500, 1500), (260, 3000), (260, 200)):
        lying = data[:place] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[place + 4 :]
        with pytest.raises(ImageError, match="damaged"):
            decode(lying, "x")


def test_damage_in_a_picture_with_a_colour_profile_is_an_error() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    foreign = profile.replace(b"sRGB", b"xxxx").replace(b"s\0R\0G\0B", b"x\0x\0x\0x")
    data = jpeg(icc_profile=foreign)
    assert decode(data, "x").image.shape == (390, 260, 3)
    for damaged in damaged_middles(data, 12, seed=1):
        with pytest.raises(ImageError, match="damaged"):
            decode(damaged, "x")


def stray_between_segments(data: bytes) -> bytes:
    place = data.find(b"\xff\xc0")
    return data[:place] + b"stray bytes" + data[place:]


HARMLESS: dict[str, Callable[[bytes], bytes]] = {
    "rubbish behind the end": lambda data: data + b"trailing rubbish",
    "a video behind the end, as in motion photos": lambda data: (
        data + bytes(100) + b"\0\0\0\x18ftypmp42" + bytes(5000)
    ),
    "a second image behind the end, as in MPO": lambda data: data + data,
    "no end marker behind the last row": lambda data: data[:-2],
    "one byte in front of the end marker": lambda data: data[:-2] + b"\x9c\xff\xd9",
    "padding with zeros in front of the end marker": lambda data: data[:-2] + bytes(65) + b"\xff\xd9",
    "padding with 0xFF in front of the end marker": lambda data: data[:-2] + b"\xff" * 33 + b"\xff\xd9",
    "stray bytes between segments": stray_between_segments,
    "stray bytes between segments and no end marker": lambda data: stray_between_segments(data)[:-2],
    "a second picture in place of the end marker": lambda data: data[:-2] + data,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", HARMLESS)
def test_files_with_harmless_oddities_are_read(name: str, kind: str) -> None:
    if kind == "progressive" and "stray" in name:
        pytest.skip("its frame has another marker")
    data = jpeg(kind)
    assert (decode(HARMLESS[name](data), "x").image == decode(data, "x").image).all()


def test_a_flat_picture_whose_data_is_zeros_is_read() -> None:
    """With optimized tables one colour everywhere is coded as zero bits."""
    flat = Pillow.new("RGB", (3000, 2000), (200, 180, 90))
    for options in ({"optimize": True}, {"progressive": True}, {}):
        image = decode(jpeg("baseline", flat, **options), "x").image
        assert np.abs(image.astype(int) - (200, 180, 90)).max() <= 3


def test_metadata_full_of_zeros_is_no_damage() -> None:
    exif = Pillow.Exif()
    exif[0x9286] = b"\0" * 2000
    assert decode(jpeg(exif=exif.tobytes()) + bytes(500), "x").image.any()


def test_a_last_row_that_is_missing_is_no_padding() -> None:
    data = jpeg()
    for cut in (20, 100, 400):
        for tail in (b"", bytes(40), b"\x55" * 30):
            with pytest.raises(ImageError, match="damaged"):
                decode(data[: -2 - cut] + tail + b"\xff\xd9", "x")


def test_damage_is_found_while_reducing() -> None:
    data = jpeg(picture=texture(1300, 1950))
    half = pixels_start(data) + len(data) // 2
    for colours in ("RGB", "GRAY"):
        with pytest.raises(DamagedError):
            decode_whole(data[:half] + b"\xff\xd9", colours, min_width=100, min_height=150)
    with pytest.raises(ImageError, match="damaged"):
        decode(data[:half] + b"\xff\xd9", "x", longest=200)
