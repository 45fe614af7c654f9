"""Image files on disk: finding them, and reading their bytes under a limit. Decodes nothing."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from mien.errors import ImageError
from mien.image.formats import has_image_suffix


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before it is decoded.

    Attributes:
        max_bytes: maximum size of the file.
        max_pixels: maximum of width times height, from the header.
        min_side: minimum length of the shorter side, in pixels.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 100_000_000
    min_side: int = 1


DEFAULT_LIMITS = Limits()


def read_bytes(path: Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Read a file that may be an image.

    Raises:
        ImageError: the file is missing, a folder, unreadable, or over the limit on bytes.
    """
    found = find_file(path)
    try:
        if not found.is_file():
            raise ImageError(f"{path} is not a regular file; name an image or a folder of images")
        size = found.stat().st_size
        if size > limits.max_bytes:
            raise ImageError(f"{path} has {size} bytes, over the limit of {limits.max_bytes}; shrink the image")
        return found.read_bytes()
    except OSError as reason:
        raise ImageError(f"{path} cannot be read: {reason.strerror or reason}") from reason


def read_start(path: Path, size: int) -> bytes:
    """Read the first bytes of a file.

    Raises:
        ImageError: the file is missing or unreadable.
    """
    try:
        with find_file(path).open("rb") as stream:
            return stream.read(size)
    except OSError as reason:
        raise ImageError(f"{path} cannot be read: {reason.strerror or reason}") from reason


def find_file(path: Path) -> Path:
    """Find the path as it is stored: file names from other systems are composed (NFC) or decomposed (NFD).

    Raises:
        ImageError: it does not exist in either form.
    """
    if path.exists():
        return path
    for form in ("NFC", "NFD"):
        twin = Path(unicodedata.normalize(form, str(path)))
        if twin.exists():
            return twin
    raise ImageError(f"{path} does not exist")


def find_images(folder: Path) -> list[Path]:
    """List the image files below a folder by their suffix, sorted; hidden files and folders are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if has_image_suffix(path)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
