"""mien detect: faces of images or folders."""

from pathlib import Path

from rich.table import Table

from mien.cli import options, picture
from mien.cli.terminal import NO, PARTLY, emit, err, plural, show, track
from mien.image import read_image
from mien.pipeline import Analysis, open_pipeline


def detect(
    paths: options.Paths,
    detector: options.Detector = options.DETECTOR,
    out_folder: options.Out = None,
    json: options.Json = False,
    engine: options.Engine = "auto",
    precision: options.Precision = "auto",
) -> int:
    """Find faces: boxes, scores and five landmarks.

    Examples:

      mien detect photo.jpg

      mien detect portraits/ --json > faces.jsonl

      mien detect group.jpg --detector scrfd-10g --out annotated/
    """
    files = options.expand(paths)
    pipeline = open_pipeline(detector, None, options.engine_options(engine, precision), many=len(files) > 1)
    table = Table("file", "size", "face", "box", "score")
    faces = failed = 0
    results = track(pipeline.analyse(files), len(files), "detecting")
    for analysis, name in zip(results, options.picture_names(files), strict=True):
        faces += len(analysis.faces)
        if analysis.error is not None:
            failed += 1
            err.print(f"mien: {analysis.error}")
        if json:
            emit(as_json(analysis))
        elif analysis.error is None:
            _add_rows(table, analysis)
        if out_folder is not None and analysis.error is None:
            _draw(analysis, out_folder / name)
    if not json:
        show(table)
    _summarize(len(files), faces, failed, out_folder)
    return PARTLY if failed else 0 if faces else NO


def as_json(analysis: Analysis) -> dict[str, object]:
    """One file's faces; a file that failed has an error and no faces."""
    value: dict[str, object] = {
        "path": str(analysis.path),
        "width": analysis.width,
        "height": analysis.height,
        "faces": [
            {
                "box": [round(side, 2) for side in (face.box.x1, face.box.y1, face.box.x2, face.box.y2)],
                "score": round(face.score, 4),
                "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in face.landmarks],
            }
            for face in analysis.faces
        ],
    }
    return value if analysis.error is None else {**value, "error": analysis.error}


def _add_rows(table: Table, analysis: Analysis) -> None:
    size = f"{analysis.width}x{analysis.height}"
    if not analysis.faces:
        table.add_row(str(analysis.path), size, "none", "", "")
    for number, face in enumerate(analysis.faces, start=1):
        box = ", ".join(f"{side:.0f}" for side in (face.box.x1, face.box.y1, face.box.x2, face.box.y2))
        table.add_row(str(analysis.path), size, str(number), box, f"{face.score:.3f}")


def _draw(analysis: Analysis, path: Path) -> None:
    labels = [f"{face.score:.2f}" for face in analysis.faces]
    image = picture.annotate(
        read_image(analysis.path), analysis.faces, labels, [picture.NEUTRAL] * len(analysis.faces)
    )
    picture.save(image, path)


def _summarize(files: int, faces: int, failed: int, folder: Path | None) -> None:
    parts = [f"{plural(faces, 'face')} in {plural(files, 'file')}"]
    if failed:
        parts.append(f"{failed} could not be read")
    if folder is not None:
        parts.append(f"annotated pictures in {folder}")
    err.print("; ".join(parts))
