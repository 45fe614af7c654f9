"""mien evaluate attacks: models of liveness on folders of living faces and of attacks. Parses, calls and prints."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.check import PortraitModels
from mien.cli.guarding import guarded
from mien.cli.output_trial import output_file
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import OK, PARTLY, WRONG, emit, err, fail, out, show
from mien.output_names import OutputGuard
from mien.portrait.attacks import THRESHOLD, AttackRate, AttackResult, evaluate_attacks
from mien.rates import Estimate
from mien.spreadsheets import write_csv

NOTE = (
    "Rates hold for the cameras and the attacks of this set; images of one folder count as one subject. Thresholds "
    "for a wanted APCER were chosen on the same images, so their BPCER flatters."
)


def attacks(
    source: Annotated[
        Path,
        typer.Argument(metavar="SET", help="A folder with bona-fide/ and attack-KIND/ folders.", show_default=False),
    ],
    portrait_models: PortraitModels = None,
    threshold: Annotated[
        float, typer.Option("--threshold", min=0, max=1, help="Share from which on a face counts as living.")
    ] = THRESHOLD,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--scores", help="Write the score of each image to this CSV.", show_default=False, callback=output_file
        ),
    ] = None,
    detector: options.Detector = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Measure liveness: APCER of each kind of attack, and BPCER of living faces (ISO/IEC 30107-3).

    Examples:

      mien evaluate attacks doors/ --portrait-model minifasnet-v2 --portrait-model minifasnet-v1se

      mien evaluate attacks doors/ --portrait-model minifasnet-v2 --scores scores.csv
    """
    if scores is not None and not scores.resolve().parent.is_dir():
        fail(f"the folder of {scores} does not exist", WRONG)
    if scores is not None:
        OutputGuard(overwrite=overwrite).check([scores])
    with progress_bar() as on_progress:
        found = evaluate_attacks(
            source,
            portrait_models=options.portrait_models(portrait_models),
            threshold=threshold,
            detector=options.detector(detector),
            options=options.engine_options(engine, precision),
            on_progress=on_progress,
        )
    if scores is not None:
        with guarded([scores], overwrite=overwrite):
            _write_scores(found, scores)
    if json:
        emit(_as_json(found))
    else:
        _show(found)
    unread = [one for one in found.presentations if one.score is None]
    for one in unread:
        err.print(f"mien: {one.path}: {one.error}")
    return PARTLY if unread else OK


def _write_scores(found: AttackResult, path: Path) -> None:
    rows = ((one.path, one.kind, one.subject, one.score, one.error) for one in found.presentations)
    write_csv(path, ("path", "kind", "subject", "score", "error"), rows)


def _show(found: AttackResult) -> None:
    table = TerminalTable("presentations", "images", "rate", "value", "95% interval", "no answer")
    for one in (found.bona_fide, *found.attacks):
        table.add_row(one.kind or "living faces", *_cells(one))
    show(table)
    fixed = TerminalTable("APCER of the worst kind", "threshold", "BPCER")
    for row in found.fixed:
        fixed.add_row(f"at most {row.wanted:.0%}", f"{row.threshold:.3f}", f"{row.bpcer:.1%}")
    show(fixed)
    out.print(f"at the threshold {found.threshold:g}. {NOTE}")


def _cells(one: AttackRate) -> tuple[str, ...]:
    rate = one.rate
    return (
        str(one.no_answer.count),
        "APCER" if one.kind else "BPCER",
        f"{rate.value:.1%}",
        f"needs {rate.missing} more people" if rate.interval is None else "{:.1%} to {:.1%}".format(*rate.interval),
        f"{one.no_answer.value:.1%}",
    )


def _as_json(found: AttackResult) -> dict[str, object]:
    return {
        "threshold": found.threshold,
        "bpcer": _estimate(found.bona_fide.rate),
        "bpnrr": _estimate(found.bona_fide.no_answer),
        "apcer": {one.kind: _estimate(one.rate) for one in found.attacks},
        "apnrr": {one.kind: _estimate(one.no_answer) for one in found.attacks},
        "fixed": [asdict(row) for row in found.fixed],
    }


def _estimate(one: Estimate) -> dict[str, object]:
    return {"value": one.value, "interval": one.interval, "missing_people": one.missing, "images": one.count}
