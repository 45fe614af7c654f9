"""Image files on disk: finding them, and reading their bytes under a limit. Decodes nothing."""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mien.errors import ImageError
from mien.faults import describe, shortened
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
        ImageError: it does not exist in either form, or cannot be looked at.
    """
    try:
        if path.exists():
            return path
        for form in ("NFC", "NFD"):
            twin = Path(unicodedata.normalize(form, str(path)))
            if twin.exists():
                return twin
    except OSError as reason:
        raise ImageError(describe(reason, str(path))) from reason
    raise ImageError(f"{shortened(str(path))} does not exist")


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; False also where it cannot be looked at, which is said where it is read."""
    try:
        return path.is_dir()
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What is below a folder.

    Attributes:
        files: all regular files, sorted; hidden ones and those in hidden folders are left out.
        faults: a sentence for each link and folder that could not be followed.
    """

    files: tuple[Path, ...]
    faults: tuple[str, ...]


def find_images(folder: Path) -> list[Path]:
    """List the image files below a folder by their suffix, sorted; hidden files and folders are left out."""
    return [path for path in find_files(folder).files if has_image_suffix(path)]


def find_files(folder: Path) -> FoundFiles:
    """List the files below a folder; a linked folder is followed once, after all folders that are not linked."""
    files, faults, links = list[Path](), list[str](), list[Path]()
    seen = set[tuple[int, int]]()
    waiting = [folder]
    while waiting or links:
        linked = not waiting
        path = waiting.pop() if waiting else links.pop(0)
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:
                if linked:
                    faults.append(f"{path} links to a folder that is read already: it is skipped")
                continue
            seen.add((status.st_dev, status.st_ino))
            for entry in _visible(path):
                found = path / entry.name
                if _is_folder(entry):
                    (links if entry.is_symlink() else waiting).append(found)
                elif found.is_file():
                    files.append(found)
                elif entry.is_symlink():
                    faults.append(f"{found} is a link to what does not exist: it is skipped")
        except OSError as reason:
            faults.append(f"{path} cannot be read: {reason.strerror or reason}")
    return FoundFiles(tuple(sorted(files)), tuple(sorted(faults)))


def _visible(folder: Path) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        yield from sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda one: one.name)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads back to itself
        return False
