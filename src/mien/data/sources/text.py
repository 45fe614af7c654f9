"""What the readers of annotation files share: lines, numbers, and finding lists and images. Knows no format."""

import math
import unicodedata
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path, PureWindowsPath

from mien.errors import ManifestError


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not empty, with their numbers from 1.

    UTF-8 or UTF-16, with or without a byte order mark; other bytes are kept as file names have them.

    Raises:
        ManifestError: unreadable.
    """
    try:
        with path.open("rb") as stream:
            is_wide = stream.read(2) in (b"\xff\xfe", b"\xfe\xff")
        with path.open(encoding="utf-16" if is_wide else "utf-8-sig", errors="surrogateescape") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except (OSError, UnicodeError) as reason:
        said = reason.strerror if isinstance(reason, OSError) else "its text is damaged"
        raise ManifestError(f"{path} cannot be read: {said}") from reason


def blocks(path: Path, is_image: Callable[[str], bool]) -> Iterator[tuple[int, str, list[tuple[int, str]]]]:
    """The blocks of a list in which an image's lines follow its path; a damaged block ends where the next begins.

    Args:
        path: the list.
        is_image: whether a line is the path of an image.

    Yields:
        For each block the number of its first line, the path, and its other lines with their numbers.
    """
    start, name, body = 0, "", list[tuple[int, str]]()
    for number, line in lines(path):
        if start and not is_image(line.strip()):
            body.append((number, line))
            continue
        if start:
            yield start, name, body
        start, name, body = number, line.strip(), []
    if start:
        yield start, name, body


def find_file(folder: Path, *names: str) -> Path | None:
    """The first of these files in a folder or in one of its folders."""
    for name in names:
        for found in (folder / name, *sorted(folder.glob(f"*/{name}"))):
            if found.is_file():
                return found
    return None


def numbers(words: list[str], where: str) -> list[float]:
    """Words as numbers.

    Raises:
        ManifestError: one of them is not a number, or not finite.
    """
    try:
        found = [float(word) for word in words]
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):
        raise ManifestError(f"{where}: '{' '.join(words)[:60]}' should be numbers")
    return found


def reason_of(fault: ManifestError, where: str) -> str:
    """What an error says of a place, without the place."""
    return str(fault).removeprefix(f"{where}: ")


def is_file(path: Path) -> bool:
    """Whether there is a file; also False for a name that no file can have, such as one that is too long."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


class ImageFinder:
    """Finds the images of a list below one of several folders, which may differ from image to image.

    Attributes:
        roots: the folders, in the order in which they are tried; one that held an image is tried first afterwards.
    """

    def __init__(self, *roots: Path) -> None:
        self.roots = list(dict.fromkeys(roots))

    def find(self, name: str) -> Path | None:
        """The image of this name; also where its accents are stored in another form, or it is written for Windows."""
        written = PureWindowsPath(name).as_posix() if "\\" in name else name
        spellings = dict.fromkeys((name, written))
        if not written.isascii():
            composed, apart = unicodedata.normalize("NFC", written), unicodedata.normalize("NFD", written)
            spellings |= dict.fromkeys((composed, apart))
        for spelling, root in product(spellings, tuple(self.roots)):
            path: Path = root / spelling
            if is_file(path):
                self.roots.remove(root)
                self.roots.insert(0, root)
                return path
        return None

    def missing(self, name: str) -> str:
        """The sentence for an image that is nowhere."""
        return f"the image {self.roots[0] / name} is missing"


def folders_in(path: Path) -> list[Path]:
    """The visible folders in a folder, by name."""
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))
