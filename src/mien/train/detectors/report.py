"""The report of a detector's training: its loss and its evaluations. Reads the run's log; trains nothing."""

from pathlib import Path
from typing import Any

import numpy as np

from mien.evaluate.protocols.sections import made_with
from mien.evaluate.render import write_report
from mien.evaluate.report import Chart, Number, Report, Series, Subject, Table
from mien.train.detectors.dataset import SceneDataset
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.journal import read_journal
from mien.train.report import loss_chart, rate_chart, settings_table


def write_detector_report(recipe: DetectorRecipe, folder: Path, pictures: SceneDataset) -> Report:
    """Write report/ from what the run has logged."""
    lines = read_journal(folder / "log.jsonl")
    steps = [line for line in lines if "loss" in line]
    evaluated = [line for line in lines if "evaluated" in line]
    first, last = (float(np.mean([line["loss"] for line in part])) for part in (steps[:10], steps[-50:]))
    numbers = {
        "steps": Number(value=len(steps)),
        "first loss": Number(value=first),
        "last loss": Number(value=last),
        "images a second": Number(value=float(np.median([line["speed"] for line in steps]))),
        **{key: Number(value=value) for key, value in _latest(evaluated).items()},
    }
    charts = (loss_chart(steps), rate_chart(steps), *_curves(evaluated))
    report = Report(
        protocol="training",
        title=f"Training: {recipe.name}",
        about=Subject(
            model=recipe.name,
            contract="in training",
            unit="score",
            source=", ".join(path.name for path in recipe.data.sets),
            detector=recipe.detector.name,
            samples=len(pictures),
            subjects=0,
            not_embedded={"rows that could not be used": len(pictures.problems)} if pictures.problems else {},
        ),
        headline=(
            f"{recipe.detector.name} on {len(pictures):,} pictures with {pictures.faces:,} faces, {len(steps):,} "
            f"steps of {recipe.schedule.batch}: the loss went from {first:.2f} to {last:.2f}.",
        ),
        numbers=numbers,
        tables=tuple(table for table in (_table(evaluated), settings_table(recipe)) if table),
        charts=tuple(chart for chart in charts if chart),
        warnings=tuple(f"{one.where}: {one.reason}" for one in pictures.problems[:20]),
        made_with=made_with(recipe.seed),
    )
    write_report(report, folder / "report")
    return report


def _latest(evaluated: list[dict[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in evaluated:
        found |= {key: float(value) for key, value in line.items() if "/" in key and isinstance(value, int | float)}
    return found


def _table(evaluated: list[dict[str, Any]]) -> Table | None:
    rows = []
    for line in evaluated:
        name = str(line["evaluated"])
        shown = (f"{key.removeprefix(name + '/')} {value:.3f}" for key, value in _latest([line]).items())
        rows.append((int(line["step"]), name, ", ".join(shown)))
    return Table(title="Evaluations", columns=("step", "set", "figures"), rows=tuple(rows)) if rows else None


def _curves(evaluated: list[dict[str, Any]]) -> list[Chart]:
    """Average precision over the steps, a line for each set that was looked at more than once."""
    points: dict[str, list[tuple[float, float]]] = {}
    for line in evaluated:
        name = str(line["evaluated"])
        points.setdefault(name, []).append((float(line["step"]), float(line[f"{name}/ap"])))
    series = tuple(
        Series(name=name, x=tuple(x for x, _ in own), y=tuple(y for _, y in own))
        for name, own in points.items()
        if len(own) > 1
    )
    if not series:
        return []
    return [Chart(name="ap", title="Average precision", kind="line", x_label="step", y_label="AP", series=series)]
