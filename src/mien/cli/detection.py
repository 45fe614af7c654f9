"""mien evaluate detection: a detector, or prediction files, on annotated images or WIDER FACE."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.reports import print_report
from mien.cli.tables import TerminalTable
from mien.cli.terminal import PARTLY, WRONG, emit, err, fail, out, plural, show
from mien.data.sample import Problem
from mien.evaluate.detectors.detection import (
    DetectionResult,
    WiderRun,
    wider_detector,
    wider_predictions,
)
from mien.evaluate.detectors.detection import (
    detection as evaluate_detection,
)
from mien.evaluate.detectors.matching import MIN_IOU
from mien.evaluate.render import report_files, write_report
from mien.evaluate.report import spoken
from mien.messages import text_of
from mien.output_names import OutputGuard

LISTED = 10
"""Names in a message."""
MAX_TABLES = 2
"""Tables of the report that are printed."""


def detection(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SET]", help="A manifest with boxes, WIDER FACE, FDDB, dlib's XML.", show_default=False
        ),
    ] = None,
    detector: options.Detector = None,
    wider: Annotated[
        Path | None, typer.Option("--wider", help="WIDER FACE's ground truth: a folder with its .mat files.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option("--predictions", help="With --wider: a folder or archive of EVENT/NAME.txt.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", help="With --wider: WIDER_val/images, to run the detector on.")
    ] = None,
    scales: Annotated[
        str, typer.Option("--scales", help="With --predictions: at which scales images were searched, to be shown.")
    ] = "not stated",
    split: Annotated[str | None, typer.Option("--split", help="Only rows of this split.")] = None,
    min_iou: Annotated[
        float, typer.Option("--iou", help="Minimum IoU for a detection to count as a match.")
    ] = MIN_IOU,
    overwrite: options.Overwrite = False,
    target: Annotated[
        Path | None,
        typer.Option(
            "--out", help="A folder for the report, or for predictions.", show_default=False, callback=output_folder
        ),
    ] = None,
    language: options.Language = None,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Evaluate a detector: average precision, recall at false boxes, landmarks; or WIDER FACE's easy, medium, hard.

    Examples:

      mien evaluate detection scenes/manifest.parquet --detector scrfd --out report/

      mien evaluate detection --wider ground_truth/ --predictions predictions.tar.gz --json

      mien evaluate detection --wider ground_truth/ --images WIDER_val/images --detector scrfd
    """
    chosen, words = options.engine_options(engine, precision), options.language(language)
    if not 0 < min_iou < 1:
        fail(f"--iou must be between 0 and 1, not {min_iou:g}", WRONG)
    if wider is not None and (source is not None or (predictions is None) == (images is None)):
        fail("--wider takes either --predictions or --images, and no SET", WRONG)
    if wider is not None and predictions is not None:
        return _print_wider(wider_predictions(wider, predictions, scales), words, json)
    name, guard = options.detector(detector), OutputGuard(overwrite=overwrite)
    if wider is None and target is not None:
        guard.check(report_files(target))
    with progress_bar() as on_progress:
        if wider is not None and images is not None:
            run = wider_detector(
                wider, images, detector=name, engine=chosen, out=target, overwrite=overwrite, on_progress=on_progress
            )
        elif source is None or predictions is not None or images is not None:
            fail("name a SET of annotated images, or --wider with --predictions or --images", WRONG)
        else:
            found = evaluate_detection(
                source, detector=name, engine=chosen, split=split, min_iou=min_iou, on_progress=on_progress
            )
            return _print(found, target, words, json, guard)
    return _print_wider(run, words, json)


def _print_wider(run: WiderRun, language: str, json: bool) -> int:
    result, scales = run.result, text_of(run.scales, language)
    _name_problems(run.problems)
    for what, names in (("no prediction file for", result.missing), ("not an image of WIDER FACE", result.unknown)):
        if names:
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            err.print(f"mien: {what}: {', '.join(names[:LISTED])}{more}")
    if json:
        emit(
            {
                **{name: one.value for name, one in result.subsets.items()},
                "intervals": {name: [one.low, one.high] for name, one in result.subsets.items()},
                "faces": {name: one.count for name, one in result.subsets.items()},
                "scales": scales,
                "images": result.images,
                "boxes": result.boxes,
                "missing": list(result.missing),
                "unknown": list(result.unknown),
            }
        )
    else:
        table = TerminalTable("subset", "faces", "average precision", "95% interval by image")
        for name, one in result.subsets.items():
            table.add_row(name, f"{one.count:,}", f"{one.value:.4f}", f"{one.low:.4f} to {one.high:.4f}")
        show(table)
        out.print(f"WIDER FACE validation, {result.images:,} images, {result.boxes:,} boxes; scales: {scales}")
    return PARTLY if result.missing or result.unknown else 0


def _name_problems(problems: Sequence[Problem]) -> None:
    for problem in problems[:LISTED]:
        err.print(f"mien: {problem.where}: {problem.reason}")
    if len(problems) > LISTED:
        err.print(f"mien: and {len(problems) - LISTED} more rows or images that could not be used")


def _print(found: DetectionResult, target: Path | None, language: str, json: bool, guard: OutputGuard) -> int:
    _name_problems(found.problems)
    report = found.report.in_language(language)
    if json:
        emit(report.model_dump(mode="json", include={"protocol", "title", "headline", "numbers"}))
    else:
        out.print(spoken(report.title))
        print_report(report, MAX_TABLES, mark="- ")
    if target is not None:
        write_report(found.report, target, language, guard=guard)
        images = plural(report.about.samples, "image")
        err.print(f"{target / 'report.html'}, report.json and report.md, of {images}")
    return PARTLY if found.problems else 0
