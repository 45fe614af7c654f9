"""mien identify: who is in these images?"""

from pathlib import Path
from typing import Annotated

import typer

from mien import gallery as galleries
from mien.cli import drawing, options, scoping
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import NO, OK, PARTLY, UNCERTAIN, emit, err, out, plural, show
from mien.gallery.identification import IdentificationReport, IdentifiedImage
from mien.output_names import OutputGuard, output_names
from mien.save_image import encode_to
from mien.types import Face


def identify(
    gallery: options.Gallery,
    paths: options.Paths,
    fmr: options.IdentificationFmr = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Maximum number of subjects to show per face.")] = 3,
    detector: options.Detector = None,
    recognizer: Annotated[
        str | None,
        typer.Option(
            "--recognizer", help="A model's name or the path of its card.", show_default="the gallery's own"
        ),
    ] = None,
    scope: options.Scope = None,
    out_folder: options.Out = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Identify every face: who it is, or that it is unknown.

    Exits with 1 if nobody was recognized, and with 5 if nobody was recognized for certain, since a face is masked,
    small, blurred or turned, so that the false match rate does not hold for it (see --scope).

    Examples:

      mien identify staff.gallery door.jpg

      mien identify staff.gallery photos/ --json --top 1

      mien identify staff.gallery group.jpg --out annotated/
    """
    files = options.expand(paths)
    guard = OutputGuard([gallery, *files], overwrite=overwrite)
    planned = output_names(files, [path for path in paths if path.is_dir()])
    if out_folder is not None:
        guard.check_outputs((name.path(out_folder, ".jpg"), name.source) for name in planned)
    names = iter(planned)
    language = options.language(None)

    def present(one: IdentifiedImage) -> None:
        name = next(names)
        if one.error is not None:
            err.print(f"mien: {one.error}")
        if json:
            emit(as_json(one, language))
        if out_folder is not None and one.error is None:
            with guard.write(name.path(out_folder, ".jpg"), name.source) as scratch:
                draw(one, scratch)

    with progress_bar() as on_progress:
        report = galleries.identify(
            gallery,
            files,
            fmr=fmr,
            count=top,
            detector=options.detector(detector),
            recognizer=recognizer,
            scope=options.scope(scope),
            options=options.engine_options(engine, precision),
            on_image=present,
            on_progress=on_progress,
        )
    if not json:
        _show(report, language)
    for note in report.notes:
        err.print(f"mien: {note.text(language)}")
    threshold = report.threshold
    err.print(
        f"{report.known} of {plural(report.faces, 'face')} recognized; threshold {threshold.unit} "
        f"{threshold.value:.3f} at false match rate {threshold.fmr:g} per comparison",
    )
    return PARTLY if report.failed else OK if report.known else UNCERTAIN if report.uncertain else NO


def _show(report: IdentificationReport, language: str) -> None:
    table = TerminalTable("file", "face at", "decision", report.threshold.unit, "candidates")
    for one in report.images:
        if one.error is None:
            add_rows(table, one.item.name, one)
    show(table)
    for one in report.images:
        for face, person in zip(one.faces, one.people, strict=True):
            for reason in scoping.reasons(person.doubts, language):
                out.print(f"{one.item.name}, face at {_place(face)}: {reason}")


def _place(face: Face) -> str:
    return ", ".join(f"{edge:.0f}" for edge in face.box.corners)


def as_json(one: IdentifiedImage, language: str) -> dict[str, object]:
    """One image: for every face its box, the decision, the candidates and the scope."""
    scopes = one.scopes or (None,) * len(one.faces)
    value: dict[str, object] = {
        "path": one.item.name,
        "width": one.width,
        "height": one.height,
        "faces": [
            {
                "box": [round(edge, 2) for edge in face.box.corners],
                "score": round(face.score, 4),
                "decision": person.decision,
                "candidates": [
                    {"subject": c.subject, "score": round(c.score.value, 5), "unit": c.score.unit}
                    for c in person.candidates
                ],
                "threshold": {
                    "value": person.threshold.value,
                    "unit": person.threshold.unit,
                    "fmr": person.threshold.fmr,
                },
                "scope": scoping.as_json(scope, person.doubts, language),
            }
            for face, person, scope in zip(one.faces, one.people, scopes, strict=True)
        ],
    }
    return value if one.error is None else {**value, "error": one.error}


def add_rows(table: TerminalTable, name: str, one: IdentifiedImage) -> None:
    """One row per face."""
    if not one.people:
        table.add_row(name, "", "no face", "", "")
    for face, person in zip(one.faces, one.people, strict=True):
        best = f"{person.candidates[0].score.value:.3f}" if person.candidates else ""
        candidates = ", ".join(f"{c.subject} {c.score.value:.3f}" for c in person.candidates)
        table.add_row(name, _place(face), person.decision, best, candidates)


def draw(one: IdentifiedImage, path: Path) -> None:
    """Write the image with a name on every face into a file that nobody reads yet."""
    labels = [
        f"{person.decision} {person.candidates[0].score.value:.2f}" if person.candidates else person.decision
        for person in one.people
    ]
    colours = [drawing.KNOWN if person.subject is not None else drawing.UNKNOWN for person in one.people]
    encode_to(path, drawing.annotate(one.item.image(), one.faces, labels, colours))
