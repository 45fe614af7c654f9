"""mien enrol and mien reenrol: put subjects into a gallery, and exchange its model."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.tables import Table
from mien.cli.terminal import FAILED, PARTLY, counting, emit, err, fail, out, show, track
from mien.data.manifest_io import read_samples
from mien.gallery.enrolment import enrol_samples
from mien.gallery.gallery import Enrolment, Gallery
from mien.gallery.reenrol import reenrol as embed_anew
from mien.gallery.stores import open_store
from mien.models import store
from mien.models.defaults import DEFAULT_RECOGNIZER
from mien.pipeline import open_pipeline
from mien.recognize.recognizer import Recognizer


def enrol(
    gallery: options.GalleryPath,
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="FOLDER/subject/*.jpg, or a CSV or Parquet manifest.")
    ],
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    strict: Annotated[bool, typer.Option("--strict", help="Leave out samples with a conflict.")] = False,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Enrol subjects. Samples that are enrolled already are passed over, so it can be run again.

    A sample is reported as enrolled after it has been written to disk.

    Examples:

      mien enrol staff.gallery portraits/

      mien enrol staff.gallery people.csv --json
    """
    samples = read_samples(source)
    model = store.load(_model_of(gallery, recognizer))
    opened = Gallery.create(gallery, model.card)
    settings = options.engine_options(engine, precision)
    pipeline = open_pipeline(options.detector(detector), str(model.folder), settings, many=len(samples) > 1)
    results = enrol_samples(opened, samples, pipeline, model.card, strict=strict)
    counts: Counter[str] = Counter()
    rejected: list[Enrolment] = []
    conflicts: list[Enrolment] = []
    try:
        for result in track(results, len(samples), "enrolling"):
            counts[result.status] += 1
            if result.status not in ("enrolled", "already enrolled"):
                rejected.append(result)
            if result.conflicts:
                conflicts.append(result)
            if json:
                emit(_as_json(result))
    finally:
        opened.close()
    if json:
        emit({"counts": dict(counts), "subjects": len({sample.subject for sample in samples})})
    else:
        _show(rejected, conflicts, model.card.unit)
    err.print(f"{gallery}: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
    good = counts["enrolled"] + counts["already enrolled"]
    return FAILED if not good else PARTLY if rejected else 0


def _model_of(gallery: Path, recognizer: str | None) -> str:
    """The recognizer asked for, else the gallery's own, else the default."""
    if recognizer is not None or not gallery.exists():
        return options.recognizer(recognizer)
    opened = open_store(gallery)
    opened.close()
    return opened.identity.model


def _as_json(result: Enrolment) -> dict[str, object]:
    return {
        "path": str(result.sample.path),
        "subject": result.sample.subject,
        "status": result.status,
        "detail": result.detail,
        "conflicts": [
            {"kind": c.kind, "subject": c.subject, "score": round(c.score.value, 4), "unit": c.score.unit}
            for c in result.conflicts
        ],
    }


def _show(rejected: list[Enrolment], conflicts: list[Enrolment], unit: str) -> None:
    if rejected:
        table = Table("not enrolled", "subject", "why", "detail")
        for result in rejected:
            table.add_row(str(result.sample.path), result.sample.subject, result.status, result.detail)
        show(table)
    if conflicts:
        table = Table("conflict", "subject", "kind", "with", unit)
        for result in conflicts:
            for conflict in result.conflicts:
                table.add_row(
                    str(result.sample.path),
                    result.sample.subject,
                    conflict.kind,
                    conflict.subject,
                    f"{conflict.score.value:.3f}",
                )
        show(table)


def reenrol(
    gallery: options.GalleryPath,
    recognizer: Annotated[
        str, typer.Option("--recognizer", help="The new model's name or card.")
    ] = DEFAULT_RECOGNIZER,
    json: options.Json = False,
) -> int:
    """Embed a gallery's portraits anew with another recognizer, all in one step.

    Example:

      mien reenrol staff.gallery --recognizer arcface-r50
    """
    if not gallery.exists():
        fail(f"there is no gallery {gallery}")
    opened = open_store(gallery)
    try:
        with counting(opened.count(), "embedding") as progress:
            count = embed_anew(opened, Recognizer(store.load(recognizer)), progress)
    finally:
        opened.close()
    if json:
        emit({"templates": count, "model": opened.identity.model, "contract": opened.identity.contract})
        return 0
    out.print(f"{gallery}: {count} templates embedded anew with {opened.identity.model}")
    return 0
