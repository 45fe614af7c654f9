"""mien bench: detectors side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.output_trial import output_folder
from mien.cli.progress import duration, progress_bar
from mien.cli.reports import print_report
from mien.cli.terminal import PARTLY, emit, err, plural
from mien.evaluate.detectors.estimate import Expected, estimate
from mien.evaluate.detectors.survey import Plan, Surveyed, make_plan, survey
from mien.evaluate.detectors.survey_report import survey_report
from mien.evaluate.render import report_files, write_report
from mien.library.listing import detectors as installed_detectors
from mien.output_names import OutputGuard

app = typer.Typer(no_args_is_help=True, help="What models cost and what they are worth, side by side.")


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
        str | None,
        typer.Option(
            "--detectors", help="Comma-separated detector names (default: all installed).", show_default=False
        ),
    ] = None,
    portraits: Annotated[
        Path | None, typer.Option("--portraits", help="A folder of images with one face in the middle each.")
    ] = None,
    video: Annotated[Path | None, typer.Option("--video", help="A clip, for frames per second.")] = None,
    images: Annotated[Path | None, typer.Option("--images", help="A folder of images to show side by side.")] = None,
    max_images: Annotated[
        int, typer.Option("--max-images", "--most", help="Maximum number of images of each set.", min=1)
    ] = 200,
    target: Annotated[Path, typer.Option("--out", help="A folder for the report.", callback=output_folder)] = Path(
        "detectors"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look: one size, few images, at most a minute per detector.")
    ] = False,
    overwrite: options.Overwrite = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
    language: options.Language = None,
    json: options.Json = False,
) -> int:
    """Run every detector that is installed or added on the same images, and write a table and a page.

    Says first how long it will take. Slow detectors come last and are stopped at a limit; the report is written after
    each detector, so that an interrupted survey keeps what it measured.

    Examples:

      mien bench detectors --images photos/ --quick --out survey/

      mien bench detectors scenes/manifest.parquet --video clip.mp4 --detectors mtcnn,yunet,scrfd --out survey/
    """
    spoken = options.language(language)
    guard = OutputGuard(overwrite=overwrite)
    guard.check(report_files(target))
    names = [name.strip() for name in only.split(",")] if only else installed_detectors()
    plan = make_plan(
        sets or (),
        portraits=portraits,
        video=video,
        images=images,
        max_images=max_images,
        engine=options.engine_options(engine, precision),
        quick=quick,
    )
    expected = estimate(names, plan)
    err.print(_announced(expected, plan))

    def keep(done: list[Surveyed]) -> None:
        write_report(survey_report(done, plan), target, spoken, guard=guard)
        err.print(_about(done[-1]))

    with progress_bar() as on_progress:
        done = survey([one.name for one in expected], plan, on_surveyed=keep, on_progress=on_progress)
    report = survey_report(done, plan)
    shown = report.in_language(spoken)
    if json:
        emit(shown.model_dump(mode="json", include={"protocol", "title", "headline", "numbers", "warnings"}))
    else:
        print_report(shown, mark="- ")
    err.print(f"{target / 'report.html'}, report.json and report.md, of {plural(len(done), 'detector')}")
    return PARTLY if any(one.fault or one.unfinished or one.problems for one in done) else 0


def _announced(expected: Sequence[Expected], plan: Plan) -> str:
    """How long it will take, all together and each."""
    each = ", ".join(f"{one.name} {duration(one.seconds)}" for one in expected)
    return (
        f"{plural(len(expected), 'detector')}, about {duration(sum(one.seconds for one in expected))}: {each} "
        f"(each is stopped after {duration(plan.budget.limit)})"
    )


def _about(one: Surveyed) -> str:
    """What became of a detector."""
    unread = f", without {plural(len(one.problems), 'image')} that could not be read" if one.problems else ""
    part = f"measured in part, {one.unfinished}" if one.unfinished else f"measured{unread}"
    return f"{one.name}: {one.fault or part}"
