"""What the readers of annotation files share: lines, and finding a file in a data set. Knows no format."""

from collections.abc import Iterator
from pathlib import Path

from mien.errors import ManifestError
from mien.image import has_image_suffix


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not empty, with their numbers from 1.

    Raises:
        ManifestError: unreadable.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except OSError as reason:
        raise ManifestError(f"{path} cannot be read: {reason.strerror}") from reason


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
        ManifestError: one of them is not a number.
    """
    try:
        return [float(word) for word in words]
    except ValueError:
        raise ManifestError(f"{where}: '{' '.join(words)[:60]}' should be numbers") from None


def holds_images(folder: Path) -> bool:
    """Whether images are directly in a folder."""
    return any(has_image_suffix(path) for path in folder.iterdir())


def folders_in(path: Path) -> list[Path]:
    """The visible folders in a folder, by name."""
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))
