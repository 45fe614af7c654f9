"""mien data inspect: what a data set is, before anything is made of it."""

from pathlib import Path

from mien.cli import options
from mien.cli.data.arguments import As, Set
from mien.cli.data.problems import problems_as_json, show_problems
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, emit, show
from mien.data.inspection import Inspection, inspect_set

COLUMNS = 12
"""Further columns that are described in a table."""


def inspect(path: Set, source: As = None, json: options.Json = False) -> int:
    """Describe a data set: counts, what is known of the samples, problems. Opens no image.

    Examples:

      mien data inspect lfw/

      mien data inspect faces_emore/ --as recordio
    """
    with progress_bar() as on_progress:
        seen = inspect_set(path, source=source, on_progress=on_progress)
    if json:
        emit({"path": str(path), **_as_json(seen)})
    else:
        _show_inspection(path, seen)
    return 0 if seen.rows else FAILED


def _as_json(seen: Inspection) -> dict[str, object]:
    return {
        "source": seen.source,
        "rows": seen.rows,
        "images": seen.images,
        "subjects": seen.subjects,
        "images_each": seen.rows_per_subject,
        "single": seen.single,
        "with_box": seen.with_box,
        "with_landmarks": seen.with_landmarks,
        "columns": {name: {"rows": rows, "most": most} for name, (rows, most) in seen.columns.items()},
        "problems": seen.problems,
        "shown": problems_as_json(seen.shown),
    }


def _show_inspection(path: Path, seen: Inspection) -> None:
    table = TerminalTable(str(path), f"{seen.summary} (--as {seen.source})")
    table.add_row("images", f"{seen.images:,}")
    if seen.rows != seen.images:
        table.add_row("rows", f"{seen.rows:,}")
    if seen.rows_per_subject is not None:
        low, median, high = seen.rows_per_subject
        table.add_row("subjects", f"{seen.subjects:,}, {seen.single:,} of them with one image")
        table.add_row("images per subject", f"{low} to {high}, median {median:g}")
    table.add_row("with a box, with landmarks", f"{seen.with_box:,}, {seen.with_landmarks:,}")
    for name, (rows, frequent) in list(seen.columns.items())[:COLUMNS]:
        values = ", ".join(f"{value} {count:,}" for value, count in frequent.items())
        table.add_row(name, f"{rows:,} rows: {values}")
    if len(seen.columns) > COLUMNS:
        table.add_row("further columns", ", ".join(list(seen.columns)[COLUMNS:]))
    table.add_row("problems", f"{seen.problems:,}")
    show(table)
    show_problems(seen.shown, seen.problems)
