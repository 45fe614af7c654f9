"""mien data overlap: who and what is in two sets at once."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.guarding import guarded
from mien.cli.left_out import LeftOut
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import PARTLY, emit, err, out, plural, show
from mien.evaluate.overlap import FMR, OverlapReport, find_overlap
from mien.models.engines import usable_cores


def overlap(
    a: Annotated[Path, typer.Argument(metavar="A", help="The set that is cleaned, such as the training set.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The set that must stay unseen, such as the test set.")],
    target: Annotated[
        Path, typer.Option("--out", help="A folder for the list and the cleaned manifest.", callback=output_folder)
    ],
    fmr: Annotated[
        float, typer.Option("--fmr", help="Subjects match at the card's threshold for this false match rate.")
    ] = FMR,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    faces: Annotated[bool, typer.Option("--faces/--no-faces", help="Whether to compare faces as well.")] = True,
    workers: options.Workers = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Find who and what is in both sets: the same photographs, nearly the same ones, the same faces.

    Writes overlap.csv, and cleaned.parquet: A without the photographs that are in B, and without the people of whom
    half of all comparisons with somebody in B match.

    Example:

      mien data overlap celeba.parquet lfw.parquet --out overlap/
    """
    left_out = LeftOut()
    written = [target / name for name in ("overlap.csv", "cleaned.parquet")]
    with guarded(written, [a, b], overwrite=overwrite), progress_bar() as on_progress:
        found = find_overlap(
            a,
            b,
            target,
            faces=faces,
            fmr=fmr,
            detector=options.detector(detector),
            recognizer=options.recognizer(recognizer),
            engine=options.engine_options(engine, precision),
            workers=workers or usable_cores(),
            on_problem=left_out,
            on_progress=on_progress,
        )
    if json:
        emit(
            {
                **{str(kind): count for kind, count in found.pairs.items()},
                "by_chance_at_most": round(found.by_chance, 1),
                "rows_removed": found.removed,
                "unreadable": found.unreadable,
            }
        )
    else:
        _show(found)
    left_out.report()
    return PARTLY if found.unreadable or left_out else 0


def _show(found: OverlapReport) -> None:
    table = TerminalTable("what is in both", "pairs of rows", "pairs of subjects")
    for kind, count in found.pairs.items():
        table.add_row(kind, f"{count:,}", f"{found.subject_pairs[kind]:,}")
    show(table)
    if found.by_chance:
        out.print(
            f"up to {found.by_chance:,.0f} pairs of subjects may have the same face by chance alone: inspect the list"
        )
    out.print(f"{found.listed}; {found.cleaned} is A without {plural(found.removed, 'row')}")
    if found.unreadable:
        err.print(f"mien: {plural(found.unreadable, 'image')} could not be read and were not compared")
