"""mien identify: who is in these photographs?"""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import drawing, options
from mien.cli.tables import Table
from mien.cli.terminal import NO, PARTLY, emit, err, plural, show, track
from mien.gallery.decide import DEFAULT_IDENTIFICATION_FMR, Identification
from mien.gallery.gallery import Gallery
from mien.gallery.stores import open_store
from mien.gallery.thresholds import threshold_for
from mien.models import store
from mien.pipeline import Analysis, open_pipeline
from mien.save_image import file_names, save_image


def identify(
    gallery: options.GalleryPath,
    paths: options.Paths,
    fmr: options.Fmr = DEFAULT_IDENTIFICATION_FMR,
    top: Annotated[int, typer.Option("--top", min=1, help="How many subjects to show a face.")] = 3,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    out_folder: options.Out = None,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Say for every face who it is, or that it is unknown. Exit code 1: nobody was recognized.

    Examples:

      mien identify staff.gallery door.jpg

      mien identify staff.gallery photos/ --json --top 1

      mien identify staff.gallery group.jpg --out annotated/
    """
    files = options.expand(paths)
    stored = open_store(gallery)
    stored.close()
    model = store.load(recognizer or stored.identity.model)
    opened = Gallery.open(gallery, model.card)
    threshold = threshold_for(opened.store, model.card, fmr)
    settings = options.engine_options(engine, precision)
    pipeline = open_pipeline(options.detector(detector), str(model.folder), settings, many=len(files) > 1)
    table = Table("file", "face at", "decision", model.card.unit, "candidates")
    faces = known = failed = 0
    results = track(pipeline.analyse(files), len(files), "identifying")
    for analysis, name in zip(results, file_names(files), strict=True):
        if analysis.error is not None:
            failed += 1
            err.print(f"mien: {analysis.error}")
        found = opened.identify(analysis.embeddings, threshold, top) if analysis.faces else []
        faces += len(found)
        known += sum(one.subject is not None for one in found)
        if json:
            emit(as_json(analysis, found))
        elif analysis.error is None:
            add_rows(table, analysis.name, analysis, found)
        if out_folder is not None and analysis.error is None:
            draw(analysis, found, out_folder / name)
    opened.close()
    if not json:
        show(table)
    err.print(
        f"{known} of {plural(faces, 'face')} recognized; threshold {threshold.unit} {threshold.value:.3f} "
        f"at false match rate {threshold.fmr:g} a comparison",
    )
    return PARTLY if failed else 0 if known else NO


def as_json(analysis: Analysis, found: list[Identification]) -> dict[str, object]:
    """One file: for every face its box, the decision and the candidates."""
    value: dict[str, object] = {
        "path": analysis.name,
        "width": analysis.width,
        "height": analysis.height,
        "faces": [
            {
                "box": [round(side, 2) for side in face.box.corners],
                "score": round(face.score, 4),
                "decision": one.decision,
                "candidates": [
                    {"subject": c.subject, "score": round(c.score.value, 5), "unit": c.score.unit}
                    for c in one.candidates
                ],
                "threshold": {"value": one.threshold.value, "unit": one.threshold.unit, "fmr": one.threshold.fmr},
            }
            for face, one in zip(analysis.faces, found, strict=True)
        ],
    }
    return value if analysis.error is None else {**value, "error": analysis.error}


def add_rows(table: Table, name: str, analysis: Analysis, found: list[Identification]) -> None:
    """One row a face."""
    if not found:
        table.add_row(name, "", "no face", "", "")
    for face, one in zip(analysis.faces, found, strict=True):
        best = f"{one.candidates[0].score.value:.3f}" if one.candidates else ""
        candidates = ", ".join(f"{c.subject} {c.score.value:.3f}" for c in one.candidates)
        box = ", ".join(f"{side:.0f}" for side in face.box.corners)
        table.add_row(name, box, one.decision, best, candidates)


def draw(analysis: Analysis, found: list[Identification], path: Path) -> None:
    """Write the picture with a name on every face."""
    labels = [
        f"{one.decision} {one.candidates[0].score.value:.2f}" if one.candidates else one.decision for one in found
    ]
    colours = [drawing.KNOWN if one.subject is not None else drawing.UNKNOWN for one in found]
    save_image(drawing.annotate(analysis.item.image(), analysis.faces, labels, colours), path)
