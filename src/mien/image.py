"""Bytes or a path in, an upright RGB image out. The only place where image files are decoded.

Owns formats, limits, EXIF orientation, colour modes and colour profiles. Refuses everything else: whatever
cannot be decoded whole becomes one ImageError that names the file. Headers are read before pixels, so that a
file over the limits costs no memory. JPEG is decoded by libjpeg-turbo, reduced while decoding when the caller
only wants a smaller image; the rest goes through Pillow.
"""

import io
import struct
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import (
    BmpImagePlugin,
    ExifTags,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as Pillow

from mien.errors import ImageError
from mien.types import Image, Photo

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".heic", ".heif"}
)
"""File name endings that a folder is searched for."""

BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    ImageCms.PyCMSError,
    Warning,  # Pillow warns of damage, and a program may have turned warnings into errors
)
"""What decoders raise on bytes that are not the image they claim to be."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before it is decoded.

    Attributes:
        max_bytes: of the file.
        max_pixels: width times height, from the header.
        min_side: of the shorter side, in pixels.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 100_000_000
    min_side: int = 1


DEFAULT_LIMITS = Limits()


def read_image(path: Path, limits: Limits = DEFAULT_LIMITS) -> Image:
    """Read an image file at its full size.

    Args:
        path: the file; a name that is stored in another Unicode normal form is found too.
        limits: what to refuse.

    Returns:
        (H, W, 3) uint8 RGB, upright.

    Raises:
        ImageError: the file is missing, a folder, too large, of no known format, or broken.
    """
    return read_photo(path, limits=limits).image


def read_photo(path: Path, *, longest: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Photo:
    """Read an image file, reduced while decoding where that is allowed; see decode."""
    return decode(read_bytes(path, limits), str(path), longest=longest, limits=limits)


def read_bytes(path: Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a file that may be an image.

    Raises:
        ImageError: missing, a folder, empty, unreadable, or over the limit on bytes.
    """
    found = _find(path)
    try:
        if not found.is_file():
            raise ImageError(f"{path} is no regular file; name an image or a folder of images")
        size = found.stat().st_size
        if size > limits.max_bytes:
            raise ImageError(f"{path} has {size} bytes, over the limit of {limits.max_bytes}; shrink the picture")
        return found.read_bytes()
    except OSError as reason:
        raise ImageError(f"{path} cannot be read: {reason.strerror or reason}") from reason


HEADER = 256 * 1024
"""Bytes in which a picture's size and orientation stand."""


def read_size(path: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int]:
    """Width and height of the upright picture in a file, from its header.

    Raises:
        ImageError: missing, over the limit on pixels, of no known format, or with a broken header.
    """
    try:
        with _find(path).open("rb") as stream:
            opened = _open(stream.read(HEADER), str(path))
    except OSError as reason:
        raise ImageError(f"{path} cannot be read: {reason.strerror or reason}") from reason
    _check_size(opened, str(path), limits)
    return _upright_size(opened)


def _upright_size(opened: ImageFile.ImageFile) -> tuple[int, int]:
    width, height = opened.size
    return (width, height) if _orientation(opened) < 5 else (height, width)


def _find(path: Path) -> Path:
    """The path as stored: file names from elsewhere come composed (NFC) or decomposed (NFD)."""
    if path.exists():
        return path
    for form in ("NFC", "NFD"):
        twin = Path(unicodedata.normalize(form, str(path)))
        if twin.exists():
            return twin
    raise ImageError(f"{path} does not exist")


def decode(data: bytes, name: str, *, longest: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Photo:
    """Decode the first frame of an encoded image.

    Args:
        data: the whole file.
        name: what to call it in messages.
        longest: the image will be shrunk to at most this many pixels along its longer side, so a JPEG
            may be decoded smaller, but never below this; None decodes the full size.
        limits: what to refuse.

    Returns:
        The upright RGB image, and the size of the picture in the file. Transparent pixels lie on white.

    Raises:
        ImageError: empty, over a limit, of no known format, cut off, or broken.
    """
    if not data:
        raise ImageError(f"{name} is empty")
    if len(data) > limits.max_bytes:
        raise ImageError(f"{name} has {len(data)} bytes, over the limit of {limits.max_bytes}; shrink the picture")
    opened = _open(data, name)
    _check_size(opened, name, limits)
    try:
        image = _pixels(opened, data, longest)
        image = _turn(image, _orientation(opened))
    except BROKEN as reason:
        raise ImageError(f"{name} is broken or cut off: {reason}") from reason
    return Photo(image, *_upright_size(opened))


def _open(data: bytes, name: str) -> ImageFile.ImageFile:
    """Parse the header by the format that the first bytes announce, never by the file's name."""
    opener = _opener(data)
    if opener is None:
        raise ImageError(f"{name} is no JPEG, PNG, WebP, BMP, TIFF or HEIC; convert it to one of these")
    try:
        return opener(io.BytesIO(data))
    except ImportError as reason:
        raise ImageError(f"{name} is HEIC, which needs an extra: pip install '.[heic]' in mien's folder") from reason
    except BROKEN as reason:
        raise ImageError(f"{name} has a broken header: {reason}") from reason


def _opener(data: bytes) -> Callable[[io.BytesIO], ImageFile.ImageFile] | None:
    # The plugin classes are called directly: Pillow.open tries every format there is, and warns of large
    # images by itself before the size can be checked here.
    for magic, opener in (
        (b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
        (b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
        (b"BM", BmpImagePlugin.BmpImageFile),
        (b"II*\x00", TiffImagePlugin.TiffImageFile),
        (b"MM\x00*", TiffImagePlugin.TiffImageFile),
    ):
        if data.startswith(magic):
            return opener
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
        return _open_heic
    return None


def _open_heic(stream: io.BytesIO) -> ImageFile.ImageFile:
    from pi_heif import HeifImageFile

    opened: ImageFile.ImageFile = HeifImageFile(stream)
    return opened


def _check_size(opened: ImageFile.ImageFile, name: str, limits: Limits) -> None:
    width, height = opened.size
    if width * height > limits.max_pixels:
        raise ImageError(f"{name} has {width}x{height} pixels, over the limit of {limits.max_pixels}; shrink it")
    if min(width, height) < limits.min_side:
        raise ImageError(f"{name} has {width}x{height} pixels, and {limits.min_side} is the least of a side")


def _pixels(opened: ImageFile.ImageFile, data: bytes, longest: int | None) -> Image:
    """The first frame as RGB, not yet upright."""
    profile = _foreign_profile(opened)
    if opened.format == "JPEG" and opened.mode in ("L", "RGB") and profile is None:
        return _decode_jpeg(opened, data, longest)
    return _to_rgb(opened, profile)


def _decode_jpeg(opened: ImageFile.ImageFile, data: bytes, longest: int | None) -> Image:
    width, height = opened.size
    share = 1.0 if longest is None else min(1.0, longest / max(width, height))
    try:
        image = simplejpeg.decode_jpeg(
            data,
            "RGB",
            fastdct=False,
            fastupsample=False,
            min_width=round(width * share),
            min_height=round(height * share),
            min_factor=1,
        )
    except ValueError:
        # libjpeg-turbo warns of stray bytes between markers, which harm nothing, in the same way as of
        # missing data; Pillow tells the two apart.
        return _to_rgb(opened, None)
    return np.asarray(image, np.uint8)


def _to_rgb(opened: Pillow.Image, profile: ImageCms.ImageCmsProfile | None) -> Image:
    opened.load()
    if opened.mode in ("I;16", "I;16L", "I;16B", "I;16N"):
        wide = np.asarray(opened).astype(np.uint16)
        return np.repeat((wide >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if opened.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {opened.mode} have no defined white; save it with 8 or 16 bits a channel")
    if profile is not None and opened.mode in ("L", "RGB", "CMYK"):
        return np.asarray(
            ImageCms.profileToProfile(opened, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
        )
    if opened.mode in ("LA", "PA", "La", "RGBa", "RGBA") or "transparency" in opened.info:
        picture = opened.convert("RGBA")
        paper = Pillow.new("RGBA", picture.size, (255, 255, 255, 255))
        return np.asarray(Pillow.alpha_composite(paper, picture).convert("RGB"))
    return np.asarray(opened.convert("RGB"))


def _foreign_profile(opened: ImageFile.ImageFile) -> ImageCms.ImageCmsProfile | None:
    """The embedded ICC profile, unless it is sRGB, unreadable or of another colour space than the pixels."""
    data = opened.info.get("icc_profile")
    if not data or b"sRGB" in data[:1024] or b"s\x00R\x00G\x00B" in data[:1024]:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        space = profile.profile.xcolor_space.strip()
    except BROKEN:
        return None
    return profile if {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}.get(opened.mode) == space else None


def _orientation(opened: ImageFile.ImageFile) -> int:
    """EXIF orientation 1 to 8 (CIPA DC-008, tag 0x0112); 1 where there is none or it is damaged."""
    try:
        value = opened.getexif().get(ExifTags.Base.Orientation, 1)
    except BROKEN:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _turn(image: Image, orientation: int) -> Image:
    """Undo an EXIF orientation."""
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


def find_images(folder: Path) -> list[Path]:
    """Image files below a folder, by name ending, in a stable order; hidden files and folders are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
