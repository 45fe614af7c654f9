"""What the readers of annotation files share: lines, and finding a file in a data set. Knows no format."""

from collections.abc import Iterator
from pathlib import Path

from mien.errors import ManifestError


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


def is_file(path: Path) -> bool:
    """Whether there is a file; also False for a name that no file can have, such as one that is too long."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def folders_in(path: Path) -> list[Path]:
    """The visible folders in a folder, by name."""
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))
