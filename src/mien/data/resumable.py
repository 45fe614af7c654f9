"""Long work that can be interrupted and run again: a folder with a plan of what was begun and numbered parts.

Owns the plan, the names of the parts, which parts are complete, the refusal of another plan, and the removal of
everything at the end. Knows nothing of what a part holds: the caller writes it, reads it and puts parts together.
Does not lock: one process at a time works in a folder.

Parts in order, which are put together at the end and removed:

    parts = open_parts(out.with_name(f"{out.name}.parts"), plan, "part-{:06d}.parquet")
    for number in range(parts.first_missing(), count):
        with parts.write(number) as path:
            write_table(rows_of(number), path)
    combine(parts.files(), out)
    parts.remove()

Parts that may be kept, whose rows are looked up by a key, and which are discarded when the plan differs:

    parts = open_parts(out / "measured", plan, "part-{:06d}.parquet", other_plan="discard")
    known = {key: row for path in parts.files() for key, row in read_rows(path)}
    with parts.append() as path:
        write_table(new_rows, path)

A plan is whatever must be equal for old parts to be usable: settings, hashes of inputs and models, a version.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mien.errors import ResumeError
from mien.whole_files import make_folder, whole_file, write_whole_text

PLAN = "plan.json"
SCRATCH = re.compile(r"\..+\.\d+\.part(\..*)?")
"""Names of files that a killed process left half written; see mien.whole_files."""


@dataclass(frozen=True, slots=True)
class WorkParts:
    """The numbered parts of one piece of work.

    Attributes:
        folder: where the plan and the parts are.
        names: the name of a part, with a place for its number: "part-{:06d}.parquet".
        private: whether only their owner may read them; see mien.whole_files.
    """

    folder: Path
    names: str
    private: bool = False

    def path(self, number: int) -> Path:
        """The file of a part, complete or not yet written."""
        return self.folder / self.names.format(number)

    def is_complete(self, number: int) -> bool:
        """Whether a part was written to its end."""
        return self.path(number).is_file()

    def numbers(self) -> list[int]:
        """The numbers of the complete parts, in order."""
        head, tail = (re.escape(text) for text in re.split(r"\{.*?\}", self.names, maxsplit=1))
        found = (re.fullmatch(f"{head}(\\d+){tail}", file.name) for file in self.folder.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def files(self) -> list[Path]:
        """The files of the complete parts, in the order of their numbers."""
        return [self.path(number) for number in self.numbers()]

    def first_missing(self) -> int:
        """The number of the first part that is not complete; work in order goes on from there."""
        complete = set(self.numbers())
        return next(number for number in range(len(complete) + 1) if number not in complete)

    @contextmanager
    def write(self, number: int) -> Iterator[Path]:
        """Give a scratch path; the part is complete when the block ends, and absent when the block raises."""
        with whole_file(self.path(number), private=self.private) as scratch:
            yield scratch

    @contextmanager
    def append(self) -> Iterator[Path]:
        """Give a scratch path for a new part, whose number follows the last one."""
        with self.write(max(self.numbers(), default=-1) + 1) as scratch:
            yield scratch

    def remove(self) -> None:
        """Remove the folder with the plan and all parts."""
        shutil.rmtree(self.folder, ignore_errors=True)


def open_parts(
    folder: Path,
    plan: Mapping[str, Any],
    names: str,
    *,
    other_plan: Literal["refuse", "discard"] = "refuse",
    private: bool = False,
) -> WorkParts:
    """Begin work in a folder, or go on with what was begun there. Half-written files of a killed process are removed.

    Args:
        folder: created where it is missing; with "discard" it belongs to this work alone.
        plan: what the work depends on, as JSON has it, with at most one level of nested settings; old parts count
            only where their plan is equal.
        names: the name of a part, with a place for its number: "part-{:06d}.parquet".
        other_plan: what to do with a folder that holds something else: refuse it, or discard all that it holds.
        private: whether only their owner may read the parts: they hold faces, embeddings or names.

    Raises:
        ResumeError: the folder holds work with another plan, or something else (with "refuse").
        OSError: the folder cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise ResumeError(f"{folder} is a file; name a folder")
    wanted = json.loads(json.dumps(dict(plan)))
    path = folder / PLAN
    problem = _problem(folder, path, wanted)
    if problem and other_plan == "refuse":
        raise ResumeError(problem)
    if problem:
        shutil.rmtree(folder)
    make_folder(folder, private=private)
    for file in folder.iterdir():
        if SCRATCH.fullmatch(file.name):
            file.unlink()
    if not path.exists():
        write_whole_text(path, json.dumps(wanted, indent=1), private=private)
    return WorkParts(folder, names, private)


def _problem(folder: Path, path: Path, wanted: dict[str, Any]) -> str:
    """Why the work cannot go on in this folder; empty where it can."""
    if not folder.exists():
        return ""
    if not path.is_file():
        strange = sorted(file.name for file in folder.iterdir() if not SCRATCH.fullmatch(file.name))
        return f"{folder} is not empty (it has {strange[0]}); choose a different --out" if strange else ""
    try:
        begun = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as reason:
        return f"{path} is damaged ({reason}); remove {folder}, or choose a different --out"
    if begun == wanted:
        return ""
    return (
        f"{folder} was begun with a different {' and '.join(_different(begun, wanted))}; "
        "choose a different --out, or remove the folder"
    )


def _different(begun: object, wanted: dict[str, Any]) -> list[str]:
    """The names of the settings that differ."""
    old, new = (_flat(plan) for plan in (begun if isinstance(begun, dict) else {}, wanted))
    return [name for name in {**new, **old} if name not in old or name not in new or old[name] != new[name]] or [
        "plan"
    ]


def _flat(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan with the settings of nested mappings under their own names."""
    flat: dict[str, Any] = {}
    for name, value in plan.items():
        flat |= value if isinstance(value, dict) else {name: value}
    return flat
