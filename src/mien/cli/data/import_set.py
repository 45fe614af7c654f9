"""mien data import: from a format of the field to a manifest."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.data.arguments import As, Set
from mien.cli.data.problems import problems_as_json, show_problems
from mien.cli.guarding import guarded
from mien.cli.output_trial import output_file
from mien.cli.progress import progress_bar
from mien.cli.terminal import PARTLY, WRONG, emit, fail, out, plural
from mien.data.importing import import_set
from mien.data.manifest_io import SUFFIXES
from mien.data.sources.registry import find_source


def import_(
    path: Set,
    target: Annotated[
        Path,
        typer.Option(
            "--out", help="The manifest to write, .parquet or .csv.", show_default=False, callback=output_file
        ),
    ],
    source: As = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="For tables: path=NAME, subject=NAME ...", show_default=False)
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Read a data set into a manifest. Rows that cannot be used are listed and left out.

    Examples:

      mien data import lfw/ --as lfw --out lfw.parquet

      mien data import people.csv --as table --column path=file --column subject=name --out people.parquet
    """
    if target.suffix.lower() not in SUFFIXES:
        fail(f"{target}: a manifest's name ends in {' or '.join(SUFFIXES)}", WRONG)
    columns = options.named(column, "--column", "NAME=COLUMN")
    kind = find_source(path, source)
    written = [target, *kind.files_beside(target)]
    with guarded(written, [path], overwrite=overwrite), progress_bar() as on_progress:
        done = import_set(path, target, source=source, columns=columns, on_progress=on_progress)
    if json:
        emit(
            {
                "manifest": str(target),
                "rows": done.rows,
                "subjects": done.subjects,
                "problems": done.problems,
                "shown": problems_as_json(done.shown),
            }
        )
    else:
        show_problems(done.shown, done.problems)
        counts = (plural(done.rows, "row"), plural(done.subjects, "subject"), plural(done.problems, "problem"))
        out.print(f"{target}: {', '.join(counts)}")
        for file in done.files:
            out.print(f"{file} belongs to it")
    return PARTLY if done.problems else 0
