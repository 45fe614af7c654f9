"""mien bench: detectors side by side."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.tables import Table
from mien.cli.terminal import PARTLY, emit, err, fail, out, plural, show, track
from mien.data.annotated import read_annotated
from mien.evaluate.detectors.survey import Plan, survey
from mien.evaluate.detectors.survey_report import survey_report
from mien.evaluate.render import write_report
from mien.image import find_images
from mien.library.listing import detectors as detectors_here

app = typer.Typer(no_args_is_help=True, help="What models cost and what they are worth, side by side.")

SHOWN = 3
"""Pictures that are shown for the eye."""


@app.callback()
def bench() -> None:
    """What models cost and what they are worth, side by side."""


@app.command()
def detectors(
    sets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[SET]...", help="Manifests with boxes, WIDER FACE, FDDB, dlib's XML.", show_default=False
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option("--detectors", help="Names, with commas; all that are there, where none are given.")
    ] = None,
    portraits: Annotated[
        Path | None, typer.Option("--portraits", help="A folder of pictures with one face in the middle each.")
    ] = None,
    video: Annotated[Path | None, typer.Option("--video", help="A clip, for frames a second.")] = None,
    images: Annotated[
        Path | None, typer.Option("--images", help="A folder of pictures to show side by side.")
    ] = None,
    most: Annotated[int, typer.Option("--most", help="Pictures of a set, at most.", min=1)] = 200,
    target: Annotated[Path, typer.Option("--out", help="A folder for the report.")] = Path("detectors"),
    json: options.Json = False,
) -> int:
    """Run every detector that is installed or added on the same pictures, and write a table and a page.

    Examples:

      mien bench detectors --images photos/ --out survey/

      mien bench detectors scenes/manifest.parquet --video clip.mp4 --detectors mtcnn,yunet,scrfd --out survey/
    """
    names = [name.strip() for name in only.split(",")] if only else detectors_here()
    chosen = tuple(sets or ())
    annotated = [read_annotated(path) for path in chosen]
    shown = find_images(images)[:SHOWN] if images is not None else []
    shown = shown or [picture.path for one in annotated for picture in one.images[:1]][:SHOWN]
    if images is not None and not shown:
        fail(f"{images} holds no images")
    for path in (portraits, video):
        if path is not None and not path.exists():
            fail(f"{path} does not exist")
    plan = Plan(chosen, portraits, video, most, tuple(shown))
    done = []
    for one in track(survey(names, plan), len(names), "detectors"):
        err.print(f"{one.name}: {one.fault or 'measured'}")
        done.append(one)
    report = survey_report(done, plan)
    write_report(report, target)
    if json:
        emit(report.model_dump(mode="json", include={"protocol", "title", "headline", "numbers", "warnings"}))
    else:
        for sentence in report.headline:
            out.print(f"- {sentence}")
        for table in report.tables[:3]:
            shown_table = Table(*table.columns, title=table.title)
            for row in table.rows:
                shown_table.add_row(*("" if cell is None else str(cell) for cell in row))
            show(shown_table)
    err.print(f"{target / 'report.html'}, report.json and report.md, of {plural(len(done), 'detector')}")
    return PARTLY if any(one.fault for one in done) else 0
