"""Paths as text that every table can hold, also where their bytes are not UTF-8. Opens no file."""

import os
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

RAW = "bytes:"
"""Begins a stored path whose bytes are not UTF-8; they follow percent-encoded, as in a URL."""


def stored_path(text: str) -> str:
    """The path that a stored text stands for."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix(RAW))) if text.startswith(RAW) else text


def as_stored(path: str) -> str:
    """The text that is stored for a path."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return RAW + quote_from_bytes(os.fsencode(path))
    return path


def relative(path: Path, folder: Path) -> str:
    """The text for a path: relative to the folder where the path is in it, otherwise absolute."""
    whole, start = Path.cwd() / path, Path.cwd() / folder
    return as_stored(str(whole.relative_to(start)) if whole.is_relative_to(start) else str(whole))


def absolute(folder: Path, text: str) -> str:
    """The text for the absolute path of a stored path that is relative to a folder."""
    return as_stored(str(folder / stored_path(text)))
