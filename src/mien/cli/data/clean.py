"""mien data clean: a pack without the crops whose labels a trained model contradicts."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from mien.cli import options
from mien.cli.data.arguments import PackPath
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import OK, WRONG, emit, err, fail, out, plural, show
from mien.cli.train import require_training
from mien.data.cleaning import LABEL, clean_pack
from mien.data.pack import Pack

SHOWN = (50, 90, 99, 99.9)
"""Percentiles of the angles that are shown, to choose a limit by."""


def clean(
    path: PackPath,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="A model by name, a card, a file of weights, or the folder of a run or of a checkpoint.",
            show_default=False,
        ),
    ],
    target: Annotated[
        Path | None,
        typer.Option(
            "--out", help="The folder of the new pack; without it, nothing is written.", callback=output_folder
        ),
    ] = None,
    max_angle: Annotated[
        float, typer.Option("--max-angle", help="Degrees from the centre of its class beyond which a label is wrong.")
    ] = 75.0,
    json: options.Json = False,
) -> int:
    """Leave out crops that a trained model finds far from their class. Look at the angles first, without --out.

    Examples:

      mien data clean ms1m-112 --model runs/sub-center-r50

      mien data clean ms1m-112 --model runs/sub-center-r50 --max-angle 70 --out ms1m-clean-112
    """
    if not 0 < max_angle < 180:
        fail(f"--max-angle is between 0 and 180 degrees, not {max_angle:g}", WRONG)
    require_training()
    from mien.train.recognizers.wrong_labels import find_wrong_labels

    pack = Pack(path)
    with progress_bar() as on_progress:
        found = find_wrong_labels(path, model, max_angle=max_angle, on_progress=on_progress)
        reasons = found.details(pack)
        if target is not None:
            clean_pack(pack, target, reasons, {"model": model, "max_angle": max_angle}, on_progress=on_progress)
    angles = found.angles[np.isfinite(found.angles)]
    spread = {str(share): round(float(value), 1) for share, value in zip(SHOWN, _percentiles(angles), strict=True)}
    if json:
        emit(
            {
                "pack": str(path),
                "crops": len(pack),
                "wrong": len(reasons),
                "classes judged": found.judged,
                "classes": len(pack.subjects),
                "angles by percentile": spread if len(angles) else {},
                "out": str(target) if target else None,
            }
        )
        return OK
    table = TerminalTable("crops within", "degrees from their class")
    for share, value in spread.items() if len(angles) else ():
        table.add_row(f"{share}%", f"{value:g}")
    show(table)
    out.print(f"{path}: {plural(len(reasons), 'crop')} of {len(pack):,} beyond {max_angle:g} degrees")
    if found.judged < len(pack.subjects):
        err.print(f"mien: {plural(len(pack.subjects) - found.judged, 'subject')} with one or two crops not judged")
    if target is not None:
        out.print(f"{target}: {len(pack) - len(reasons):,} crops; rejected.csv lists the others as '{LABEL}'")
    return OK


def _percentiles(angles: np.ndarray) -> list[float]:
    return np.percentile(angles, SHOWN).tolist() if len(angles) else [float("nan")] * len(SHOWN)
