"""Every colour mode, colour profile and depth becomes 8-bit RGB."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from mien.image import decode

QUADRANTS = np.zeros((40, 60, 3), np.uint8)
QUADRANTS[:20, :30] = (250, 10, 10)
QUADRANTS[:20, 30:] = (10, 250, 10)
QUADRANTS[20:, :30] = (10, 10, 250)
QUADRANTS[20:, 30:] = (240, 240, 20)
"""Red, green over blue, yellow: any turn, mirror or channel swap shows. Width and height differ."""


def encode(image: Pillow.Image | np.ndarray, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture = image if isinstance(image, Pillow.Image) else Pillow.fromarray(image)
    picture.save(out, kind, **options)
    return out.getvalue()


def close(image: np.ndarray, truth: np.ndarray = QUADRANTS, tolerance: int = 14) -> bool:
    """Equal in the middle of each quadrant, within what lossy coding moves."""
    assert image.shape == truth.shape and image.dtype == np.uint8
    spots = [(10, 15), (10, 45), (30, 15), (30, 45)]
    return all(np.abs(image[s].astype(int) - truth[s].astype(int)).max() <= tolerance for s in spots)


def modes() -> dict[str, tuple[bytes, np.ndarray]]:
    picture = Pillow.fromarray(QUADRANTS)
    grey = np.repeat(np.asarray(picture.convert("L"))[..., None], 3, axis=2)
    wide = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    half = picture.convert("RGBA")
    half.putalpha(Pillow.fromarray(np.where(np.arange(60) < 30, 255, 0).astype(np.uint8)[None].repeat(40, axis=0)))
    on_white = QUADRANTS.copy()
    on_white[:, 30:] = 255
    black_white = picture.convert("1")
    animated = io.BytesIO()
    picture.save(animated, "WEBP", save_all=True, append_images=[Pillow.new("RGB", (60, 40))] * 2, lossless=True)
    paged = io.BytesIO()
    picture.save(paged, "TIFF", save_all=True, append_images=[Pillow.new("RGB", (60, 40))])
    palette = picture.quantize(8)
    return {
        "grey png": (encode(picture.convert("L"), "PNG"), grey),
        "grey jpeg": (encode(picture.convert("L"), "JPEG", quality=95), grey),
        "16-bit grey png": (encode(Pillow.fromarray(wide), "PNG"), grey),
        "16-bit grey tiff": (encode(Pillow.fromarray(wide), "TIFF"), grey),
        "16-bit rgb png": (png16(QUADRANTS), QUADRANTS),
        "palette png": (encode(palette, "PNG"), np.asarray(palette.convert("RGB"))),
        "palette bmp": (encode(palette, "BMP"), np.asarray(palette.convert("RGB"))),
        "alpha png": (encode(half, "PNG"), on_white),
        "alpha webp": (encode(half, "WEBP", lossless=True), on_white),
        "grey alpha png": (encode(half.convert("LA"), "PNG"), np.where(on_white == 255, 255, grey)),
        "black and white png": (encode(black_white, "PNG"), np.asarray(black_white.convert("RGB"))),
        "cmyk jpeg": (encode(picture.convert("CMYK"), "JPEG", quality=95, subsampling=0), QUADRANTS),
        "cmyk tiff": (encode(picture.convert("CMYK"), "TIFF"), QUADRANTS),
        "animated webp, first frame": (animated.getvalue(), QUADRANTS),
        "tiff of two pages, first page": (paged.getvalue(), QUADRANTS),
    }


def png16(image: np.ndarray) -> bytes:
    """A 16-bit RGB PNG by hand (PNG specification, sections 5 and 11), which Pillow cannot write."""
    height, width = image.shape[:2]
    rows = b"".join(b"\0" + (row.astype(">u2") * 257).astype(">u2").tobytes() for row in image)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", list(modes()))
def test_every_colour_mode_gives_rgb(name: str) -> None:
    data, truth = modes()[name]
    assert close(decode(data, name).image, truth)


def test_a_foreign_colour_profile_is_converted() -> None:
    """Linear-light pixels with the profile that says so come out as the sRGB they show."""
    linear = ImageCms.createProfile("XYZ")
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    assert linear is not None and lab is not None
    wide = ImageCms.ImageCmsProfile(io.BytesIO(adobe_like_profile()))
    picture = ImageCms.profileToProfile(Pillow.fromarray(QUADRANTS), ImageCms.createProfile("sRGB"), wide)
    stored = np.asarray(picture)
    assert np.abs(stored[10, 45].astype(int) - QUADRANTS[10, 45].astype(int)).max() > 20
    for kind in ("PNG", "JPEG", "TIFF"):
        options = {"quality": 97, "subsampling": 0} if kind == "JPEG" else {}
        data = encode(picture, kind, icc_profile=wide.tobytes(), **options)
        assert close(decode(data, "x").image, tolerance=12), kind


def test_a_profile_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []

    class Counted(ImageCms.ImageCmsProfile):
        def __init__(self, given: object) -> None:
            if isinstance(given, io.BytesIO):
                parsed.append(given.getvalue())
            super().__init__(given)  # type: ignore[arg-type]

    profile = adobe_like_profile()
    monkeypatch.setattr(ImageCms, "ImageCmsProfile", Counted)
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        parsed.clear()
        decode(encode(QUADRANTS, kind, icc_profile=profile), "x")
        assert parsed == [profile], kind


def adobe_like_profile() -> bytes:
    """An ICC v2 matrix profile with the primaries of Adobe RGB (1998) and gamma 2.2, written by hand."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642) + fixed(1.0) + fixed(0.8249),
        b"rXYZ": b"XYZ \0\0\0\0" + fixed(0.60974) + fixed(0.31111) + fixed(0.01947),
        b"gXYZ": b"XYZ \0\0\0\0" + fixed(0.20528) + fixed(0.62567) + fixed(0.06087),
        b"bXYZ": b"XYZ \0\0\0\0" + fixed(0.14919) + fixed(0.06322) + fixed(0.74457),
        **{name: b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) for name in (b"rTRC", b"gTRC", b"bTRC")},
    }
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        value += bytes(-len(value) % 4)
        table += name + struct.pack(">II", offset + len(body), len(value))
        body += value
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(0.9642) + fixed(1) + fixed(0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def test_an_unreadable_profile_is_ignored() -> None:
    assert close(decode(encode(QUADRANTS, "PNG", icc_profile=b"no profile"), "x").image, tolerance=0)


def test_a_large_image_is_converted_in_strips_without_a_seam() -> None:
    """Strips of rows give what the whole image gives, at full size and averaged."""
    generator = np.random.default_rng(4)
    colours = generator.integers(0, 256, (1500, 1100, 4), np.uint8)
    data = encode(Pillow.fromarray(colours, "RGBA"), "PNG", compress_level=1)
    share = colours[..., 3:].astype(float) / 255
    truth = colours[..., :3] * share + 255 * (1 - share)
    whole = decode(data, "x").image
    assert np.abs(whole - truth).max() <= 1
    small = decode(data, "x", longest=400).image
    assert small.shape == (500, 366, 3)
    cells = truth[:1500, :1098].reshape(500, 3, 366, 3, 3).mean(axis=(1, 3))
    assert np.abs(small - cells).max() <= 1.5


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_an_infrared_image_of_few_bits_in_16_is_not_black(bits: int) -> None:
    """Cameras write 10 or 12 bits into 16-bit files; the values are scaled by the bits that they use."""
    grey = np.linspace(0, 255, 48 * 64).reshape(48, 64).astype(np.uint16)
    grey[0, 0] = 255
    for kind in ("PNG", "TIFF"):
        image = decode(encode(Pillow.fromarray(grey << (bits - 8)), kind), "x").image
        assert np.array_equal(image, np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)), kind
    colour = np.stack([grey, grey[::-1], grey // 2], axis=2).astype(np.uint16) << (bits - 8)
    for suffix in (".png", ".tif"):
        data = cv2.imencode(suffix, colour[..., ::-1])[1].tobytes()
        assert np.array_equal(decode(data, "x").image, (colour >> (bits - 8)).astype(np.uint8)), suffix
    turned = encode(Pillow.fromarray(np.rot90(grey << (bits - 8)).copy()), "TIFF", tiffinfo={274: 6})
    assert np.array_equal(decode(turned, "x").image[..., 0], grey.astype(np.uint8))


def test_dark_values_of_8_bits_in_16_stay_as_they_are() -> None:
    grey = np.arange(200, dtype=np.uint16).reshape(10, 20)
    assert np.array_equal(decode(encode(Pillow.fromarray(grey), "PNG"), "x").image[..., 0], grey)
