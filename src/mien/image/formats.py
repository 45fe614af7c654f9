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
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from mien.errors import ImageError

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

HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")

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


def _starts(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(magics)


def _open_heic(stream: io.BytesIO) -> ImageFile.ImageFile:
    from pi_heif import HeifImageFile

    opened: ImageFile.ImageFile = HeifImageFile(stream)
    return opened


FORMATS = {
    "jpeg": Format(
        "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), _starts(b"\xff\xd8\xff"), JpegImagePlugin.JpegImageFile
    ),
    "png": Format("PNG", (".png",), _starts(b"\x89PNG\r\n\x1a\n"), PngImagePlugin.PngImageFile),
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
        lambda data: data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS,
        _open_heic,
        extra="heic",
    ),
}


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
        *names, last = (each.name for each in FORMATS.values())
        raise ImageError(f"{name} is not a {', '.join(names)} or {last} file; convert it to one of these")
    try:
        return known.open(io.BytesIO(data))
    except ImportError as reason:
        raise ImageError(
            f"{name} is {known.name}, which needs an extra: pip install '.[{known.extra}]' in mien's folder"
        ) from reason
    except BROKEN as reason:
        raise ImageError(f"{name} has a broken header: {reason}") from reason
