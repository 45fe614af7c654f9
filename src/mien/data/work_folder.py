"""A folder that one long piece of work writes into: begun, gone on with, or refused, and never somebody else's.

Owns the refusal of folders that hold a user's files, and of work with other settings, with what differs; and the
stamps by which a changed file is noticed. The parts of the work are those of mien.data.resumable.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mien.data.resumable import PLAN, WorkParts, open_parts
from mien.errors import ImageError, ResumeError
from mien.image.files import find_file
from mien.progress import OnProgress, Progress

if TYPE_CHECKING:
    import pyarrow as pa

Item = TypeVar("Item")

FOLDER = "work"
"""The folder of the parts in the output folder."""

Stamp = tuple[int, int]
"""Size of a file in bytes, and the time of its last change in nanoseconds."""
NO_FILE: Stamp = (-1, -1)


def file_stamp(path: str) -> Stamp:
    """The stamp of a file; NO_FILE where it cannot be read."""
    try:
        found = find_file(Path(path)).stat()
    except (OSError, ValueError, ImageError):
        return NO_FILE
    return found.st_size, found.st_mtime_ns


def open_work(out: Path, plan: Mapping[str, Any], names: str, verb: str) -> WorkParts:
    """Begin work in an output folder, or go on with what was begun there. Both folders are private.

    Args:
        out: the output folder; it is created if it is missing.
        plan: what the work depends on; each name is one that a message can give.
        names: the name of a part, with a place for its number.
        verb: what makes the folder, for messages: "mien verify".

    Raises:
        ResumeError: the folder holds something else, or work with other settings; the message says what differs.
    """
    require_place(out, verb)
    folder = out / FOLDER
    _require_same(folder, plan)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    parts = open_parts(folder, plan, names)
    folder.chmod(0o700)
    return parts


def require_place(out: Path, verb: str) -> None:
    """Refuse to write between the files of a user.

    Raises:
        ResumeError: the folder is a file, or it holds something and no work.
    """
    if out.exists() and not out.is_dir():
        raise ResumeError(f"{out} is a file; name a folder with --out")
    if out.is_dir() and not (out / FOLDER / PLAN).is_file() and any(out.iterdir()):
        raise ResumeError(f"{out} is not empty, and nothing in it is from `{verb}`; choose a different --out")


def remove_work(out: Path, files: Iterable[str], verb: str) -> None:
    """Remove the work and its files from an output folder, so that it begins again; other files stay.

    Raises:
        ResumeError: the folder is not one of such work.
    """
    if not out.is_dir() or not any(out.iterdir()):
        return
    require_place(out, verb)
    shutil.rmtree(out / FOLDER)
    for name in files:
        (out / name).unlink(missing_ok=True)


def stamp_first(paths: Iterable[Path], stamps: dict[str, Stamp]) -> Iterator[Path]:
    """Pass paths on, with their stamps taken before they are read: a file that changes meanwhile is noticed."""
    for path in paths:
        stamps[str(path)] = file_stamp(str(path))
        yield path


def keep_in_parts(
    items: Iterable[Item],
    write: Callable[[Sequence[Item]], None],
    size: int,
    *,
    stage: str,
    done: int,
    total: int,
    on_progress: OnProgress,
) -> None:
    """Go through all items and write so many at a time; the last ones too, whatever ends the work.

    Args:
        items: what is made one after the other.
        write: writes some of them as a part.
        size: how many items a part has.
        stage: of the progress.
        done: how many items there were before.
        total: how many there are in all.
        on_progress: called at the beginning and after each item.
    """
    fresh: list[Item] = []
    on_progress(Progress(stage=stage, done=done, total=total))
    try:
        for made, item in enumerate(items, start=done + 1):
            fresh.append(item)
            if len(fresh) == size:
                write(fresh)
                fresh = []
            on_progress(Progress(stage=stage, done=made, total=total))
    finally:
        if fresh:
            write(fresh)


def write_rows(parts: WorkParts, rows: Sequence[Mapping[str, Any]], schema: "pa.Schema") -> None:
    """Write rows as a new part that its owner alone can read."""
    import pyarrow as pa
    import pyarrow.parquet

    with parts.append() as path:
        path.touch(mode=0o600)
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema), path)


def read_rows(file: Path, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a part.

    Raises:
        ResumeError: it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet

    try:
        return list(pyarrow.parquet.read_table(file, columns=columns).to_pylist())
    except (pa.ArrowException, OSError) as reason:
        raise ResumeError(f"{file} is damaged; begin again with --overwrite") from reason


def _require_same(folder: Path, plan: Mapping[str, Any]) -> None:
    try:
        begun = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    wanted = json.loads(json.dumps(dict(plan)))
    if not isinstance(begun, dict) or begun == wanted:
        return
    differences = [
        f"{name} was {_shown(begun.get(name))} and is now {_shown(wanted.get(name))}"
        for name in {**wanted, **begun}
        if begun.get(name) != wanted.get(name)
    ]
    raise ResumeError(
        f"{folder.parent} holds work with other settings: {'; '.join(differences)}. Choose a different --out, or "
        "begin again with --overwrite"
    )


def _shown(value: object) -> str:
    return "not set" if value in (None, "") else str(value)
