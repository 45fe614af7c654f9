"""Foreign data sets into manifests: the work of `mien data import`, and reading whatever can be embedded.

Owns what becomes of rows that cannot be used: they are counted, the first ones are kept, and nothing else is lost.
Knows no format; the table in sources/registry.py does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mien.data.manifest import Manifest, tabulate
from mien.data.manifest_io import OnProblem, read_manifest, require_suffix, without_clashes, write_manifest
from mien.data.sample import Problem, Sample
from mien.data.sources.registry import SOURCES, find_source
from mien.data.sources.source import Rows
from mien.errors import ManifestError
from mien.progress import OnProgress, no_progress, report_progress

SHOWN = 40
"""Problems that are kept for showing; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import wrote.

    Attributes:
        manifest: the file.
        source: the name of the source.
        rows: number of samples.
        subjects: number of subjects.
        problems: number of rows that could not be used.
        shown: the first of these problems.
        files: files that were written next to the manifest.
    """

    manifest: Path
    source: str
    rows: int
    subjects: int
    problems: int
    shown: tuple[Problem, ...]
    files: tuple[Path, ...]


class ProblemCount:
    """Lets samples pass, counts problems and keeps the first ones."""

    def __init__(self) -> None:
        self.count = 0
        self._shown: list[Problem] = []

    @property
    def shown(self) -> tuple[Problem, ...]:
        """The first problems."""
        return tuple(self._shown)

    def samples(self, rows: Rows) -> Iterator[Sample]:
        """The samples among the rows."""
        for row in rows:
            if isinstance(row, Sample):
                yield row
            else:
                self.add(row)

    def add(self, problem: Problem) -> None:
        """Count a problem."""
        self.count += 1
        if len(self._shown) < SHOWN:
            self._shown.append(problem)


def import_set(
    path: Path,
    out: Path,
    *,
    source: str | None = None,
    columns: Mapping[str, str] | None = None,
    on_progress: OnProgress = no_progress,
) -> Imported:
    """Read a data set into a manifest; rows that cannot be used are counted and left out.

    Args:
        path: a folder or file of a data set.
        out: the manifest to write, .parquet or .csv.
        source: a name in SOURCES; None to take the first source that recognizes the path.
        columns: mien's name of a column to the table's name, for tables.
        on_progress: called for every row.

    Raises:
        ManifestError: the set cannot be read, is not recognized, or has no usable row; nothing is written then.

    Example:
        >>> done = mien.import_set(Path("portraits"), Path("portraits.csv"))
        >>> done.source, done.rows, done.subjects
        ('folders', 32, 16)
    """
    require_suffix(out)
    found = find_source(path, source)
    problems = ProblemCount()
    rows = report_progress(found.rows(path, out, columns or {}), "reading", None, on_progress)
    manifest, clashes = without_clashes(tabulate(problems.samples(rows), out.parent, str(path)))
    for clash in clashes:
        problems.add(clash)
    if not len(manifest):
        first = f"; the first: {problems.shown[0].where}: {problems.shown[0].reason}" if problems.count else ""
        raise ManifestError(
            f"{path} has no usable sample, read as {found.name}; nothing was written ({problems.count} problems, "
            f"listed by `mien data inspect {path}`{first})"
        )
    write_manifest(manifest, out)
    return Imported(
        manifest=out,
        source=found.name,
        rows=len(manifest),
        subjects=len(set(manifest.subjects) - {""}),
        problems=problems.count,
        shown=problems.shown,
        files=found.files_beside(out),
    )


def _protocol_set(rows: Rows, path: Path, on_problem: OnProblem | None) -> Manifest:
    """The samples of a published protocol; a row that cannot be used is reported, or refuses the set."""
    samples, problems = [], []
    for row in rows:
        if isinstance(row, Sample):
            samples.append(row)
        elif on_problem is None:
            raise ManifestError(f"{row.where}: {row.reason}")
        else:
            problems.append(row)
            on_problem(row)
    if not samples and problems:
        raise ManifestError(
            f"{path} has no usable sample; the first problem: {problems[0].where}: {problems[0].reason}"
        )
    return tabulate(samples, path.absolute(), str(path))


def read_set(path: Path, extracted: Path, on_problem: OnProblem | None = None) -> Manifest:
    """A set without importing it: a manifest, a folder of subjects, or one whose images are inside one file.

    Args:
        path: the set.
        extracted: images that are inside one file are copied to files with this name and other endings.
        on_problem: see read_manifest.

    Raises:
        ManifestError: it cannot be read.
    """
    for source in SOURCES.values():
        if source.extract is not None and source.recognizes(path):
            samples = [row for row in source.extract(path, extracted) if isinstance(row, Sample)]
            return tabulate(samples, extracted.parent, str(path))
        if source.is_protocol and source.recognizes(path):
            return _protocol_set(source.read(path), path, on_problem)
    return read_manifest(path, on_problem)
