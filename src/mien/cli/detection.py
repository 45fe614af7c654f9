"""mien evaluate detection: a detector, or prediction files, on annotated pictures or WIDER FACE."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.tables import Table
from mien.cli.terminal import PARTLY, WRONG, emit, err, fail, out, plural, show, track
from mien.data.annotated import AnnotatedImage, AnnotatedSet, read_annotated
from mien.data.detections import write_prediction
from mien.data.sample import Problem
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.evaluate.detectors.predictions import Predictions, read_predictions
from mien.evaluate.detectors.report import Judged, detection_report, name_of
from mien.evaluate.detectors.run import detect_all, find_pictures
from mien.evaluate.detectors.wider import GroundTruth, WiderResult, evaluate_wider, read_ground_truth
from mien.evaluate.render import write_report
from mien.types import floats

LEAST = 0.02
"""Least score that is judged, so that the whole curve is seen (Pytorch_Retinaface's own)."""

LISTED = 10
"""Names in a message."""


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
    protocol: Annotated[
        str, typer.Option("--scales", help="How the predictions' pictures were scaled, for the output.")
    ] = "not stated",
    split: Annotated[str | None, typer.Option("--split", help="Only rows of this split.")] = None,
    overlap: Annotated[float, typer.Option("--iou", help="From which a face counts as found.")] = 0.5,
    target: Annotated[
        Path | None, typer.Option("--out", help="A folder for the report, or for predictions.", show_default=False)
    ] = None,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Judge a detector: average precision, recall at false boxes, landmarks; or WIDER FACE's easy, medium, hard.

    Examples:

      mien evaluate detection scenes/manifest.parquet --detector scrfd --out report/

      mien evaluate detection --wider ground_truth/ --predictions predictions.tar.gz --json

      mien evaluate detection --wider ground_truth/ --images WIDER_val/images --detector scrfd
    """
    chosen = options.engine_options(engine, precision)
    if not 0 < overlap < 1:
        fail(f"--iou is between 0 and 1, not {overlap:g}", WRONG)
    if wider is not None:
        if source is not None or (predictions is None) == (images is None):
            fail("--wider takes either --predictions or --images, and no SET", WRONG)
        truth = read_ground_truth(wider)
        if predictions is not None:
            return _tell_wider(evaluate_wider(truth, read_predictions(predictions)), protocol, json)
        assert images is not None
        opened = open_detector(options.detector(detector), chosen, LEAST)
        found = _predict(opened, truth, images, target)
        return _tell_wider(evaluate_wider(truth, found), _scales(opened), json)
    if source is None or predictions is not None or images is not None:
        fail("name a SET of annotated pictures, or --wider with --predictions or --images", WRONG)
    return _judge(
        source,
        read_annotated(source, split),
        open_detector(options.detector(detector), chosen, LEAST),
        overlap,
        target,
        json,
    )


def _scales(detector: Detector) -> str:
    return f"single scale, pictures shrunk to at most {detector.longest} pixels, and a small copy with a margin"


def _predict(detector: Detector, truth: GroundTruth, images: Path, target: Path | None) -> Predictions:
    files = {key: path for key, path in find_pictures(images).items() if key in truth.boxes}
    if not files:
        fail(f"{images} holds none of WIDER FACE's pictures; give the folder whose folders are 0--Parade and so on")
    boxes = {}
    nobody = [
        AnnotatedImage(path, floats([]).reshape(0, 4), floats([]).reshape(0, 5, 2), floats([]).astype(bool), ())
        for path in files.values()
    ]
    for key, (_, faces, reason) in zip(
        files, track(detect_all(detector, nobody), len(nobody), "detecting"), strict=True
    ):
        if faces is None:
            err.print(f"mien: {reason}")
            continue
        rows = [(f.box.x1, f.box.y1, f.box.width, f.box.height, f.score) for f in faces]
        boxes[key] = floats(rows).reshape(-1, 5).astype(float)
        if target is not None:
            write_prediction(target, key, faces)
    return Predictions(str(images), boxes)


def _tell_wider(result: WiderResult, protocol: str, json: bool) -> int:
    for what, names in (("has no prediction file", result.missing), ("is none of its pictures", result.unknown)):
        if names:
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            err.print(f"mien: {what}: {', '.join(names[:LISTED])}{more}")
    if json:
        emit(
            {
                **{name: one.value for name, one in result.subsets.items()},
                "intervals": {name: [one.low, one.high] for name, one in result.subsets.items()},
                "faces": {name: one.count for name, one in result.subsets.items()},
                "scales": protocol,
                "pictures": result.pictures,
                "boxes": result.boxes,
                "missing": list(result.missing),
                "unknown": list(result.unknown),
            }
        )
    else:
        table = Table("subset", "faces", "average precision", "95% interval by picture")
        for name, one in result.subsets.items():
            table.add_row(name, f"{one.count:,}", f"{one.value:.4f}", f"{one.low:.4f} to {one.high:.4f}")
        show(table)
        out.print(f"WIDER FACE validation, {result.pictures:,} pictures, {result.boxes:,} boxes; scales: {protocol}")
    return PARTLY if result.missing or result.unknown else 0


def _judge(
    source: Path, annotated: AnnotatedSet, detector: Detector, overlap: float, target: Path | None, json: bool
) -> int:
    pictures, faces, problems = [], [], list(annotated.problems)
    seen = detect_all(detector, annotated.images)
    for picture, found, reason in track(seen, len(annotated.images), "detecting"):
        if found is None:
            problems.append(Problem(str(picture.path), reason))
        else:
            pictures.append(picture)
            faces.append(found)
    for problem in problems[:LISTED]:
        err.print(f"mien: {problem.where}: {problem.reason}")
    if len(problems) > LISTED:
        err.print(f"mien: and {len(problems) - LISTED} more rows or pictures that could not be used")
    if not pictures:
        fail(f"{source}: none of its pictures can be read")
    judged = Judged(
        detector.name,
        name_of(source),
        _scales(detector),
        detector.min_score,
        tuple(pictures),
        tuple(faces),
        tuple(problems),
        overlap,
    )
    report = detection_report(judged)
    if json:
        emit(report.model_dump(mode="json", include={"protocol", "title", "headline", "numbers"}))
    else:
        out.print(report.title)
        for sentence in report.headline:
            out.print(f"- {sentence}")
        for one in report.tables[:2]:
            table = Table(*one.columns, title=one.title)
            for row in one.rows:
                table.add_row(*(str(cell) for cell in row))
            show(table)
    if target is not None:
        write_report(report, target)
        err.print(f"{target / 'report.html'}, report.json and report.md, of {plural(len(pictures), 'picture')}")
    return PARTLY if problems else 0
