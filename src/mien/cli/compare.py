"""mien compare: are two photographs of one person?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from mien.cli import drawing, options
from mien.cli.tables import Table
from mien.cli.terminal import NO, OK, emit, fail, out, show
from mien.gallery.decide import DEFAULT_VERIFICATION_FMR, Decision, verify
from mien.pipeline import Analysis, Pipeline, Policy, Refused, open_pipeline
from mien.scores import score_pairs
from mien.types import Floats, Image, Score


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """The face of one photograph that is compared."""

    path: Path
    note: str
    box: list[float]
    crop: Image
    embedding: Floats


def compare(
    a: Annotated[Path, typer.Argument(help="A photograph.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Another one.", show_default=False)],
    fmr: options.Fmr = DEFAULT_VERIFICATION_FMR,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Compare the faces of two photographs. Exit code 0 is a match, 1 is none.

    Examples:

      mien compare passport.jpg selfie.jpg

      mien compare a.jpg b.jpg --fmr 1e-4 --json
    """
    settings = options.engine_options(engine, precision)
    pipeline = open_pipeline(options.detector(detector), options.recognizer(recognizer), settings)
    sides = [_side(pipeline, analysis) for analysis in pipeline.analyse([a, b])]
    decision = _decide(pipeline, sides, fmr)
    if json:
        emit(_as_json(decision, sides))
    else:
        _show(decision, sides)
    return OK if decision.outcome == "match" else NO


def _side(pipeline: Pipeline, analysis: Analysis) -> _Side:
    chosen, alone = analysis.choose(Policy()), analysis.choose(Policy("reject"))
    if isinstance(chosen, Refused):
        fail(chosen.sentence(analysis.name))
    others = len(analysis.faces) - 1
    note = "one face" if not others else f"{others + 1} faces, took the most prominent one"
    if isinstance(alone, Refused):
        note += " (another is nearly as prominent: crop to be sure)"
    box = analysis.faces[chosen].box
    return _Side(
        Path(analysis.name),
        note,
        [round(side, 1) for side in box.corners],
        analysis.crops[chosen],
        analysis.embeddings[chosen],
    )


def _decide(pipeline: Pipeline, sides: list[_Side], fmr: float) -> Decision:
    assert pipeline.recognizer is not None
    card, metric = pipeline.recognizer.card, pipeline.recognizer.spec.metric
    value = float(score_pairs(sides[0].embedding[None], sides[1].embedding[None], metric)[0])
    return verify(Score(value, card.unit, card.contract), card.threshold(fmr))


def _as_json(decision: Decision, sides: list[_Side]) -> dict[str, object]:
    threshold = decision.threshold
    return {
        "score": round(decision.score.value, 5),
        "unit": decision.score.unit,
        "decision": decision.outcome,
        "threshold": {
            "value": threshold.value,
            "unit": threshold.unit,
            "fmr": threshold.fmr,
            "protocol": threshold.protocol,
        },
        "faces": [{"path": str(side.path), "box": side.box, "note": side.note} for side in sides],
    }


def _show(decision: Decision, sides: list[_Side]) -> None:
    if out.is_terminal and out.rich.color_system is not None:
        out.rich.print(drawing.side_by_side([np.asarray(side.crop) for side in sides]))
    table = Table("file", "face at", "note")
    for side in sides:
        table.add_row(str(side.path), ", ".join(f"{value:.0f}" for value in side.box), side.note)
    show(table)
    threshold = decision.threshold
    sign = "at least" if threshold.unit == "cosine" else "at most"
    out.print(
        f"{decision.outcome}: {decision.score.unit} {decision.score.value:.3f}, and a match is {sign} "
        f"{threshold.value:.3f} (false match rate {threshold.fmr:g}; {threshold.protocol})",
    )
