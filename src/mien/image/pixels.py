"""Colour modes to RGB: 16-bit depths, transparency, palettes, colour profiles, and the turn that EXIF asks for.

Works in strips of rows, so that a large image takes the memory of its result and of Pillow's own pixels, and no more.
Refuses modes whose values have no defined white.
"""

import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from PIL import ExifTags, ImageCms, ImageFile
from PIL import Image as Pillow

from mien.image.formats import BROKEN
from mien.image.netpbm import DEEPEST, decode_values, to_8_bits
from mien.image.png import chunks
from mien.types import Image

STRIP = 2**20
"""Pixels that are converted at a time."""

DEPTHS = (8, 10, 12, 14, 16)
"""Bits per value that cameras write into 16-bit files."""

METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
"""Chunks of a PNG from which Pillow reads EXIF or XMP."""

PROFILED = ("L", "RGB", "CMYK")
"""Modes whose colour profile is converted to sRGB."""

DARKEST, LIGHTEST = 64, 192
"""What a colour profile may make of black, and of white."""

ALPHA = ("LA", "PA", "La", "RGBa", "RGBA")
WIDE_GREY = ("I;16", "I;16L", "I;16B", "I;16N")


def to_rgb(
    opened: ImageFile.ImageFile, data: bytes, profile: ImageCms.ImageCmsProfile | None, factor: int = 1
) -> Image:
    """Decode the first frame as RGB, not yet upright.

    Args:
        opened: the parsed header.
        data: the whole file.
        profile: see foreign_profile.
        factor: width and height of the cells of pixels that are averaged into one.

    Returns:
        (height // factor, width // factor, 3) uint8 RGB. Transparent pixels are blended onto white. 16-bit values are
        scaled by the bits that they use, since infrared cameras write 10 or 12 bits into 16-bit files.
    """
    if opened.format == "PPM" and opened.mode in ("L", "I", "RGB"):
        return _netpbm(opened, data, factor)
    deep = any(";16" in str(tile[-1]) for tile in opened.tile)
    tag = _tag(opened, data)
    opened.load()
    if opened.mode in WIDE_GREY:
        return _grey_16(opened, factor)
    if opened.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {opened.mode} have no defined white; save it with 8 or 16 bits per channel")
    image = _in_strips(opened, _converter(opened, profile), factor)
    if deep and profile is None and image.max() < 64:
        # Pillow keeps the high byte, which is next to nothing where fewer than 16 bits are used.
        wide = _colour_16(data, factor)
        return image if wide is None else turn(wide, tag) if opened.format == "TIFF" else wide
    return image


def _converter(
    opened: Pillow.Image, profile: ImageCms.ImageCmsProfile | None
) -> Callable[[Pillow.Image], Pillow.Image]:
    """What turns a strip of this image into mode RGB."""
    if profile is not None and opened.mode in PROFILED:
        change = _transform(profile, opened.mode)
        if change is not None:
            return lambda strip: _applied(change, strip)
    if opened.mode in ALPHA or "transparency" in opened.info:
        return _on_white
    return lambda strip: strip.convert("RGB")


def to_srgb(image: Image, profile: ImageCms.ImageCmsProfile) -> Image:
    """Convert the colours of a decoded image.

    Args:
        image: (H, W, 3) or (H, W, 1) uint8.
        profile: of its colours; one that cannot be used is ignored.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    stored = Pillow.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    return _in_strips(stored, _converter(stored, profile), 1)


def _transform(profile: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None where the profile is damaged: without tables, or without black and white."""
    try:
        change = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode != "CMYK":
            ramp = Pillow.fromarray(np.arange(256, dtype=np.uint8)[None]).convert(mode)
            greys = np.asarray(_applied(change, ramp)).mean(axis=(0, 2))
            if greys[0] > DARKEST or greys[-1] < LIGHTEST or (np.diff(greys) < -1).any():
                return None
    except BROKEN:
        return None
    return change


def _applied(change: ImageCms.ImageCmsTransform, strip: Pillow.Image) -> Pillow.Image:
    done = ImageCms.applyTransform(strip, change)
    assert done is not None
    return done


def _on_white(strip: Pillow.Image) -> Pillow.Image:
    paper = Pillow.new("RGBA", strip.size, (255, 255, 255, 255))
    return Pillow.alpha_composite(paper, strip.convert("RGBA")).convert("RGB")


def _in_strips(opened: Pillow.Image, convert: Callable[[Pillow.Image], Pillow.Image], factor: int) -> Image:
    width, height = opened.size
    if factor == 1 and width * height <= STRIP:
        return np.asarray(convert(opened))
    image = np.empty((height // factor, width // factor, 3), np.uint8)
    rows = max(1, STRIP // width // factor)
    for top in range(0, len(image), rows):
        bottom = min(top + rows, len(image))
        strip = convert(opened.crop((0, top * factor, width, bottom * factor)))
        image[top:bottom] = average(np.asarray(strip), factor)
    return image


def whole_factor(width: int, height: int, longest: int | None) -> int:
    """The side of the cells by which an image may be averaged down to no less than `longest` pixels."""
    return 1 if longest is None else max(1, min(max(width, height) // longest, width, height))


def average(image: Any, factor: int) -> Any:  # noqa: ANN401
    """Average square cells of pixels; what is left over at the right and lower border is dropped."""
    if factor == 1:
        return image
    height, width = (side // factor for side in image.shape[:2])
    whole = image[: height * factor, : width * factor]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA).reshape(height, width, *image.shape[2:])


def _netpbm(opened: ImageFile.ImageFile, data: bytes, factor: int) -> Image:
    values, white = decode_values(opened, data)
    values = average(values, factor)
    # Cameras that write 10 or 12 bits call white 65535 all the same.
    image = _to_8_bits(values, int(values.max())) if white == DEEPEST else to_8_bits(values, white)
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image


def _grey_16(opened: Pillow.Image, factor: int) -> Image:
    wide = average(np.asarray(opened).astype(np.uint16, copy=False), factor)
    return np.repeat(_to_8_bits(wide, int(wide.max()))[..., None], 3, axis=2)


def _colour_16(data: bytes, factor: int) -> Image | None:
    """Decode a 16-bit colour image with all its bits, as it is stored; None where OpenCV cannot."""
    wide = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if wide is None or wide.dtype != np.uint16 or wide.ndim != 3 or wide.shape[2] not in (3, 4):
        return None
    wide = average(wide, factor)
    colour = _to_8_bits(wide[..., 2::-1], int(wide[..., :3].max()))
    if wide.shape[2] == 4:
        share = wide[..., 3:].astype(np.float32) / np.float32(65535)
        colour = np.rint(colour * share + 255 * (1 - share)).astype(np.uint8)
    return np.ascontiguousarray(colour)


def _to_8_bits(wide: Any, largest: int) -> Image:  # noqa: ANN401
    """Scale 16-bit values by the fewest usual bits that hold the largest one."""
    bits = next(depth for depth in DEPTHS if largest < 1 << depth)
    return np.asarray(wide >> (bits - 8), np.uint8)


def foreign_profile(opened: ImageFile.ImageFile) -> ImageCms.ImageCmsProfile | None:
    """Return the embedded ICC profile, unless it is sRGB, unreadable, or of another colour space than the pixels."""
    data = opened.info.get("icc_profile")
    if not data or b"sRGB" in data[:1024] or b"s\x00R\x00G\x00B" in data[:1024]:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        space = profile.profile.xcolor_space.strip()
    except BROKEN:
        return None
    return profile if {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}.get(opened.mode) == space else None


def orientation_of(opened: ImageFile.ImageFile, data: bytes) -> int:
    """Return the EXIF orientation that is left to be undone, 1 to 8 (CIPA DC-008, tag 0x0112).

    It is 1 where there is no tag, where the tag is damaged, and for TIFF, which Pillow turns itself.

    Args:
        opened: the parsed header.
        data: the file, or its beginning.
    """
    return 1 if opened.format == "TIFF" else _tag(opened, data)


def _tag(opened: ImageFile.ImageFile, data: bytes) -> int:
    # Pillow decodes a whole PNG for EXIF that may follow its pixels, which is rare.
    ready = opened.format == "PNG" and not _has_late_metadata(data)
    try:
        exif = Pillow.Image.getexif(opened) if ready else opened.getexif()
        value = exif.get(ExifTags.Base.Orientation, 1)
    except BROKEN:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _has_late_metadata(png: bytes) -> bool:
    """Whether a chunk that may hold an orientation follows the pixels of a PNG."""
    late = False
    for kind, _, _ in chunks(png):
        if late and kind in METADATA:
            return True
        late = late or kind == b"IDAT"
    return False


def turn(image: Image, orientation: int) -> Image:
    """Undo an EXIF orientation."""
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
