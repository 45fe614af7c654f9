"""Names for what is written of each input, and the guard that keeps outputs away from files that are not mien's.

Two promises. Names mirror the folders of the inputs and are unique, also where a file system ignores case or how
letters are composed. A file is replaced only if mien wrote it and nobody changed it since, which a small index in
each folder of outputs remembers (`.mien-outputs`), or if the caller asked for it (`overwrite`). What is read is never
replaced by the output of something else. Encodes nothing.
"""

import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mien.errors import OutputError
from mien.whole_files import PRIVATE_FILE, whole_file, write_whole_text

INDEX = ".mien-outputs"
"""Name of the file in which a folder remembers what mien wrote into it: JSON lines of name, bytes, time of change."""
LONGEST = 200
"""Max bytes of a name without its ending: file systems allow 255, and numbers, endings and scratch names follow."""
KEPT_ENDINGS = (".jpg", ".mp4")
"""Endings of outputs: where two inputs would have one name, the one that has it already keeps it."""

Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class OutputName:
    """What to call the outputs of one input.

    Attributes:
        source: the input as it was named.
        stem: without an ending, with the folders in which the input is; unique among the inputs of one call.
    """

    source: str
    stem: str

    def path(self, folder: Path, ending: str) -> Path:
        """The path of an output, as in `path(folder, "-01.jpg")`."""
        return folder / f"{self.stem}{ending}"


def output_names(sources: Sequence[str | Path], roots: Sequence[Path] = ()) -> list[OutputName]:
    """Name the outputs of inputs: as the inputs are below the deepest folder that holds them all.

    Args:
        sources: files, or names of cameras.
        roots: folders that were searched for inputs; without them, outputs mirror only the folders that differ.

    Returns:
        One per source. Sources that would share a name get numbers, and long names are cut.
    """
    texts = [str(source) for source in sources]
    base = _base([Path(text) for text in texts], roots)
    stems = [_stem(Path(text), base) for text in texts]
    # Names as they are go first, so that a number never takes the name of another input.
    order = sorted(range(len(stems)), key=lambda at: Path(texts[at]).suffix not in KEPT_ENDINGS)
    first: dict[str, int] = {}
    for at in order:
        first.setdefault(_key(stems[at]), at)
    taken, numbers = set(first), dict[str, int]()
    for at in order:
        key = _key(stems[at])
        if first[key] != at:
            stems[at] = _numbered(stems[at], key, taken, numbers)
    return [OutputName(text, stem) for text, stem in zip(texts, stems, strict=True)]


def _numbered(stem: str, key: str, taken: set[str], numbers: dict[str, int]) -> str:
    number = numbers.get(key, 1)
    while True:
        number += 1
        candidate = f"{stem}-{number}"
        if _key(candidate) not in taken:
            taken.add(_key(candidate))
            numbers[key] = number
            return candidate


def _base(sources: Sequence[Path], roots: Sequence[Path]) -> str:
    """The deepest folder that holds all inputs and all folders that were searched."""
    searched = {_absolute(root) for root in roots}
    parents = {str(Path(_absolute(source)).parent) for source in sources}
    inside = tuple(f"{root}{os.sep}" for root in searched)
    loose = {parent for parent in parents if parent not in searched and not parent.startswith(inside)}
    with suppress(ValueError):  # nothing is named, or inputs are on several drives
        return os.path.commonpath(searched | loose)
    return ""


def _stem(source: Path, base: str) -> str:
    """Relative to the base, without an ending; never absolute, and never out of the folder of outputs."""
    path = _absolute(source)
    parts = list(Path(os.path.relpath(path, base)).parts if base else Path(path).parts[1:])
    stem = Path(parts[-1]).stem.replace(":", "-")
    if len(os.fsencode(stem)) > LONGEST:
        digest = hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
        stem = f"{os.fsdecode(os.fsencode(stem)[: LONGEST - 9]).encode('utf-8', 'ignore').decode()}-{digest}"
    return "/".join([*parts[:-1], stem])


def _absolute(path: Path) -> str:
    """With all folders, without `..`; links are kept as they are called."""
    return os.path.normpath(path.absolute())


def _key(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class OutputGuard:
    """Lets outputs be written where nothing is lost by it."""

    def __init__(self, sources: Iterable[str | Path] = (), *, overwrite: bool = False) -> None:
        """
        Args:
            sources: everything that is read; what does not exist, as cameras, is skipped.
            overwrite: replace also files that mien did not make, and an input by its own output.
        """
        self._overwrite = overwrite
        found = (_identity(Path(source)) for source in sources)
        self._sources = {identity for identity in found if identity is not None}
        self._made: dict[Path, dict[str, list[int]]] = {}

    def check(self, paths: Iterable[Path]) -> None:
        """Refuse places where outputs would do harm, before anything is written.

        Raises:
            OutputError: one of them is read, is a folder, or is a file that mien did not make.
        """
        self.check_outputs((path, "") for path in paths)

    def check_outputs(self, outputs: Iterable[tuple[Path, str]]) -> None:
        """Check paths with the input that each belongs to; see check."""
        refused = [reason for path, source in outputs if (reason := self._refuses(path, source))]
        if refused:
            more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            raise OutputError(refused[0] + more)

    @contextmanager
    def write(self, path: Path, source: str = "", *, private: bool = False) -> Iterator[Path]:
        """Give a scratch path; it becomes `path` when the block ends, and is removed when the block raises.

        Args:
            path: of the output; missing folders are made.
            source: the input that it belongs to.
            private: whether only its owner may read it; see mien.whole_files.

        Raises:
            OutputError: see check.
        """
        self.check_outputs([(path, source)])
        with whole_file(path, private=private) as scratch:
            yield scratch
        self.record(path)

    def write_text(self, path: Path, text: str, source: str = "") -> None:
        """Write UTF-8 text, complete or not at all; bytes of file names that are not UTF-8 are written out."""
        with self.write(path, source) as scratch:
            scratch.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")

    def record(self, path: Path) -> None:
        """Remember that mien wrote a file."""
        made = self._index(path.parent)
        status = path.lstat()
        made[path.name] = [status.st_size, status.st_mtime_ns]
        # Names of files can be names of people.
        handle = os.open(path.parent / INDEX, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE_FILE)
        with os.fdopen(handle, "a", encoding="ascii") as stream:
            stream.write(f"{json.dumps([path.name, *made[path.name]])}\n")

    def _refuses(self, path: Path, source: str) -> str:
        """Why nothing is written there, or empty."""
        try:
            status = path.lstat()
        except (OSError, ValueError):
            return ""
        if path.is_dir():
            return f"{path} is a folder, and a file of this name would be written: choose a different place"
        identity = _identity(path)
        if identity in self._sources:
            own = bool(source) and identity == _identity(Path(source))
            if own and self._overwrite:
                return ""
            say = ", or say --overwrite" if own else ""
            return f"{path} is read as an input and would be replaced: choose a different place{say}"
        if self._overwrite or self._is_recorded(path, status):
            return ""
        return f"{path} was not made by mien, or was changed since: choose a different place, or say --overwrite"

    def made(self, path: Path) -> bool:
        """Whether mien wrote a file that is there, and nobody changed it since."""
        try:
            return self._is_recorded(path, path.lstat())
        except (OSError, ValueError):
            return False

    def _is_recorded(self, path: Path, status: os.stat_result) -> bool:
        return self._index(path.parent).get(path.name) == [status.st_size, status.st_mtime_ns]

    def _index(self, folder: Path) -> dict[str, list[int]]:
        """What mien wrote into a folder."""
        if folder not in self._made:
            self._made[folder] = read_index(folder)
        return self._made[folder]


def read_index(folder: Path) -> dict[str, list[int]]:
    """The bytes and the time of change of each file that mien wrote into a folder; damaged lines count as absent."""
    made: dict[str, list[int]] = {}
    try:
        lines = (folder / INDEX).read_bytes().splitlines()
    except OSError:
        return made
    for line in lines:
        with suppress(ValueError, TypeError):
            name, size, changed = json.loads(line)
            made[str(name)] = [int(size), int(changed)]
    if len(lines) > 2 * len(made) + 1000:
        text = "".join(f"{json.dumps([name, *values])}\n" for name, values in made.items())
        write_whole_text(folder / INDEX, text, private=True)
    return made


def _identity(path: Path) -> Identity | None:
    """What distinguishes a file from all others, whatever it is called; None where there is no file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
