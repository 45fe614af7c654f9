"""What mien knows about one kind of foreign data set: how it is recognized, how it is read, and what else it brings.

Each file next to this one makes one such object (CelebA makes two, for its two sets of images), and registry.py lists
them. Commands, help, messages and the guide's table derive from these objects alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mien.data.pairs import Pair
from mien.data.sample import Problem, Sample
from mien.errors import ManifestError

Rows = Iterator[Sample | Problem]
"""Samples and problems, in a stable order."""


def is_named_only(path: Path) -> bool:
    """Recognize nothing: for formats that give subjects other names, which a set of another kind would lose."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A foreign format.

    Attributes:
        name: what `--as` takes.
        summary: what it is, in a few words.
        note: what its user should know, in the guide's words; may be empty.
        recognizes: whether a path looks like one; opens no image.
        read: its samples and problems; opens no image and writes nothing.
        read_columns: the same with the names that a table gives to columns (`--column`), where it has any.
        extract: the same for a set whose images are inside one file: they are copied to files next to the manifest
            at the second path, and the samples name the copies.
        extracted: endings of the files that `extract` writes under the manifest's name.
        pairs: the pairs that such a set brings, where it is a verification set.
        has_boxes: whether it is a detection set: a row for each face with its box, and no subjects.
        is_protocol: whether it is the set of a published protocol, which is embedded as it is, without an import.
    """

    name: str
    summary: str
    note: str = ""
    recognizes: Callable[[Path], bool]
    read: Callable[[Path], Rows]
    read_columns: Callable[[Path, Mapping[str, str]], Rows] | None = None
    extract: Callable[[Path, Path], Rows] | None = None
    extracted: tuple[str, ...] = ()
    pairs: Callable[[Path], list[Pair]] | None = None
    has_boxes: bool = False
    is_protocol: bool = False

    def rows(self, path: Path, manifest: Path, columns: Mapping[str, str]) -> Rows:
        """The rows for a manifest that is going to be written.

        Raises:
            ManifestError: columns are named, and the format has none.
        """
        if self.extract is not None:
            return self.extract(path, manifest)
        if self.read_columns is not None:
            return self.read_columns(path, columns)
        if columns:
            raise ManifestError(f"--column names columns of a table, and {path} is read as {self.name}")
        return self.read(path)

    def files_beside(self, manifest: Path) -> tuple[Path, ...]:
        """The files that are written next to a manifest."""
        return tuple(manifest.with_suffix(suffix) for suffix in self.extracted)
