"""mien compare: do two images show one person?"""

from pathlib import Path
from typing import Annotated

import typer

from mien import gallery as galleries
from mien.cli import options, scoping
from mien.cli.tables import TerminalTable
from mien.cli.terminal import NO, OK, UNCERTAIN, emit, err, out, show
from mien.gallery.verification import ComparedFace, Comparison


def compare(
    a: Annotated[Path, typer.Argument(help="An image.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Another image.", show_default=False)],
    fmr: options.VerificationFmr = None,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    gallery: Annotated[
        str | None,
        typer.Option(
            "--gallery", help="Take the threshold that holds for this gallery's people.", show_default=False
        ),
    ] = None,
    scope: options.Scope = None,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Compare the faces of two images.

    Exits with 0 if the faces match, 1 if they do not, and 5 if that is uncertain, since a face is masked, small,
    blurred or turned, so that the false match rate does not hold for it (see --scope).

    Examples:

      mien compare passport.jpg selfie.jpg

      mien compare a.jpg b.jpg --fmr 1e-4 --json

      mien compare card.jpg selfie.jpg --gallery staff.gallery

      mien compare a.jpg b.jpg --scope demand
    """
    found = galleries.compare(
        a,
        b,
        fmr=fmr,
        detector=options.detector(detector),
        recognizer=recognizer if gallery is not None else options.recognizer(recognizer),
        gallery=gallery,
        scope=options.scope(scope),
        options=options.engine_options(engine, precision),
    )
    language = options.language(None)
    for note in found.notes:
        err.print(f"mien: {note.text(language)}")
    if json:
        emit(_as_json(found, language))
    else:
        _show(found, language)
    return {"match": OK, "no match": NO, "uncertain": UNCERTAIN}[found.decision.outcome]


def _note(side: ComparedFace) -> str:
    note = "one face" if not side.others else f"{side.others + 1} faces, took the most prominent one"
    return note + (" (another is nearly as prominent: crop to be sure)" if side.ambiguous else "")


def _as_json(found: Comparison, language: str) -> dict[str, object]:
    decision, threshold = found.decision, found.decision.threshold
    return {
        "score": round(decision.score.value, 5),
        "unit": decision.score.unit,
        "decision": decision.outcome,
        "accepted": decision.accepted,
        "threshold": {
            "value": threshold.value,
            "unit": threshold.unit,
            "fmr": threshold.fmr,
            "protocol": threshold.protocol,
        },
        "faces": [
            {
                "path": side.name,
                "box": [round(edge, 1) for edge in side.face.box.corners],
                "note": _note(side),
                "scope": scoping.as_json(side.scope, side.doubts, language),
            }
            for side in (found.first, found.second)
        ],
    }


def _show(found: Comparison, language: str) -> None:
    sides = (found.first, found.second)
    if out.is_terminal and out.rich.color_system is not None:
        from mien.cli import drawing

        out.rich.print(drawing.side_by_side([side.crop for side in sides]))
    table = TerminalTable("file", "face at", "note", "scope")
    for side in sides:
        box = ", ".join(f"{edge:.0f}" for edge in side.face.box.corners)
        table.add_row(side.name, box, _note(side), scoping.cell(side.doubts, language))
    show(table)
    decision, threshold = found.decision, found.decision.threshold
    sign = "at least" if threshold.unit == "cosine" else "at most"
    score = f"{decision.outcome}: {decision.score.unit} {decision.score.value:.3f}, and a match is {sign}"
    if decision.outcome != "uncertain":
        out.print(
            f"{score} {threshold.value:.3f} (false match rate {threshold.fmr:g}; {threshold.protocol})",
        )
        return
    out.print(
        f"{score} {threshold.value:.3f}; its false match rate of {threshold.fmr:g} does not hold for these faces"
    )
    for side in sides:
        for reason in scoping.reasons(side.doubts, language):
            out.print(f"  {side.name}: {reason}")
