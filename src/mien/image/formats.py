"""The table of image formats: how each is recognized by its first bytes, and who parses its header.

A new format is one entry of FORMATS. The bytes decide, never the file's name; suffixes only say which files of a
folder are looked at. Decodes no pixels.
"""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.Image import DecompressionBombError

from mien.errors import ImageError
from mien.image.png import MAGIC, without_damaged_extras

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
    SystemError,  # what Pillow's decoders in C raise on some damaged files
    MemoryError,
    struct.error,
    zlib.error,
    ImageCms.PyCMSError,
    DecompressionBombError,  # some headers are measured by Pillow before mien sees their size
    Warning,  # Pillow warns of damage, and a program may have turned warnings into errors
)
"""What decoders raise on bytes that are not the image they claim to be."""

HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
MEDIA_BRANDS = (
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"qt  ",
    b"M4V ",
    b"3gp4",
    b"3gp5",
)

Opener = Callable[[io.BytesIO], ImageFile.ImageFile]


@dataclass(frozen=True, slots=True)
class Format:
    """An image format.

    Attributes:
        name: for messages.
        suffixes: file name endings, lower case.
        matches: whether the first bytes of a file announce this format.
        open: parses the header. The plugin classes are called directly: Pillow.open tries every format, and warns of
            large images before their size can be checked.
        extra: the extra of mien's package that it needs; empty where it needs none.
    """

    name: str
    suffixes: tuple[str, ...]
    matches: Callable[[bytes], bool]
    open: Opener
    extra: str = ""


def _brands(data: bytes) -> set[bytes]:
    """The brands of an ISO base media file: its own, then those that it is compatible with."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), len(data), 256)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}


def _is_avif(data: bytes) -> bool:
    return not _brands(data).isdisjoint(AVIF_BRANDS)


def _starts(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(magics)


def _open_png(stream: io.BytesIO) -> ImageFile.ImageFile:
    try:
        return PngImagePlugin.PngImageFile(stream)
    except BROKEN:
        # Damage in its colour profile or its comments is not a reason to refuse it.
        return PngImagePlugin.PngImageFile(io.BytesIO(without_damaged_extras(stream.getvalue())))


def _open_avif(stream: io.BytesIO) -> ImageFile.ImageFile:
    # Its decoder takes as long to import as five others, and the format is rare.
    from PIL.AvifImagePlugin import AvifImageFile

    return AvifImageFile(stream)


def _open_heic(stream: io.BytesIO) -> ImageFile.ImageFile:
    from pi_heif import HeifImageFile

    opened: ImageFile.ImageFile = HeifImageFile(stream)
    return opened


FORMATS = {
    "jpeg": Format(
        "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), _starts(b"\xff\xd8\xff"), JpegImagePlugin.JpegImageFile
    ),
    "png": Format("PNG", (".png",), _starts(MAGIC), _open_png),
    "webp": Format(
        "WebP",
        (".webp",),
        lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP",
        WebPImagePlugin.WebPImageFile,
    ),
    "bmp": Format("BMP", (".bmp", ".dib"), _starts(b"BM"), BmpImagePlugin.BmpImageFile),
    "tiff": Format("TIFF", (".tif", ".tiff"), _starts(b"II*\x00", b"MM\x00*"), TiffImagePlugin.TiffImageFile),
    "heic": Format(
        "HEIC",
        (".heic", ".heif"),
        lambda data: data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS and not _is_avif(data),
        _open_heic,
        extra="heic",
    ),
    "avif": Format("AVIF", (".avif",), _is_avif, _open_avif),
    "gif": Format("GIF", (".gif",), _starts(b"GIF87a", b"GIF89a"), GifImagePlugin.GifImageFile),
    "netpbm": Format(
        "PBM/PGM/PPM",
        (".pbm", ".pgm", ".ppm", ".pnm"),
        lambda data: data[:1] == b"P" and data[1:2] in b"123456" and data[2:3] in b" \t\r\n#",
        PpmImagePlugin.PpmImageFile,
    ),
}
"""Of animations the first frame is read."""

CONVERT = "convert it to JPEG or PNG"
FOREIGN: tuple[tuple[str, Callable[[bytes], bool], str], ...] = (
    ("a JPEG 2000 image", _starts(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), CONVERT),
    ("a JPEG XL image", _starts(b"\xff\x0a", b"\0\0\0\x0cJXL "), CONVERT),
    ("a BigTIFF image", _starts(b"II+\0", b"MM\0+"), CONVERT),
    ("a Photoshop file", _starts(b"8BPS"), CONVERT),
    ("an icon", _starts(b"\0\0\x01\0"), CONVERT),
    ("a PDF document", _starts(b"%PDF"), "export its pages as JPEG or PNG"),
    ("an SVG drawing", lambda data: b"<svg" in data[:1024].lower(), CONVERT),
    (
        "a web page",
        lambda data: data[:512].lstrip().lower().startswith((b"<!doctype html", b"<html")),
        "download it again",
    ),
    ("a Git LFS pointer", _starts(b"version https://git-lfs"), "fetch the file with `git lfs pull`"),
    ("a video", lambda data: not _brands(data).isdisjoint(MEDIA_BRANDS), "give it to a verb that reads videos"),
    ("a ZIP archive", _starts(b"PK\x03\x04"), "unpack it first"),
)
"""What images are mistaken for: what it is, how its first bytes show it, and what to do."""

UNREAD = frozenset(
    [
        ".jp2",
        ".j2k",
        ".jpf",
        ".jpx",
        ".jxl",
        ".psd",
        ".psb",
        ".svg",
        ".pdf",
        ".eps",
        ".tga",
        ".ico",
        ".exr",
        ".hdr",
        ".pfm",
        ".pam",
        ".pcx",
        ".dng",
        ".cr2",
        ".cr3",
        ".nef",
        ".arw",
        ".raf",
        ".orf",
        ".rw2",
        ".pef",
        ".srw",
    ]
)
"""File name endings of images in formats that are not read: they are to be converted, not removed."""


def has_unread_suffix(path: Path) -> bool:
    """Whether a file's name ends like that of an image in a format that is not read."""
    return path.suffix.lower() in UNREAD


def has_image_suffix(path: Path) -> bool:
    """Whether a file's name ends like that of an image; folders are searched for such names."""
    suffix = path.suffix.lower()
    return any(suffix in each.suffixes for each in FORMATS.values())


def open_header(data: bytes, name: str) -> ImageFile.ImageFile:
    """Parse the header of an encoded image.

    Raises:
        ImageError: no known format, a format whose package is not installed, or a broken header.
    """
    known = next((each for each in FORMATS.values() if each.matches(data)), None)
    if known is None:
        raise ImageError(_unknown(data, name))
    try:
        return known.open(io.BytesIO(data))
    except ImportError as reason:
        raise ImageError(
            f"{name} is {known.name}, which needs an extra: pip install 'mien[{known.extra}]'"
        ) from reason
    except BROKEN as reason:
        raise ImageError(f"{name} has a broken header: {reason or type(reason).__name__}") from reason


def _unknown(data: bytes, name: str) -> str:
    for what, matches, remedy in FOREIGN:
        if matches(data):
            return f"{name} is {what}, which is not read: {remedy}"
    *names, last = (each.name for each in FORMATS.values())
    return f"{name} is not a {', '.join(names)} or {last} file; {CONVERT}"
