"""The report of a recognizer's training: curves, evaluations, and after fine-tuning what was gained and forgotten.

Reads the run's log and saved embeddings; trains nothing.
"""

from pathlib import Path
from typing import Any

import numpy as np

from mien.evaluate.protocols.sections import made_with
from mien.evaluate.render import write_report
from mien.evaluate.report import Chart, Evaluated, Number, Report, Series, Table
from mien.train.recognizers.dataset import CropDataset
from mien.train.recognizers.guard import apply_guard
from mien.train.recognizers.recipe import RecognizerRecipe
from mien.train.recognizers.validation import (
    HEADLINE,
    ValidationSet,
    describe_number,
    embeddings_path,
    headline_metrics,
)
from mien.train.run.report import RunLog, read_log, settings_table


def write_training_report(
    recipe: RecognizerRecipe, folder: Path, crops: CropDataset, sets: list[ValidationSet]
) -> Report:
    """Write report/ from what the run has logged."""
    log = read_log(folder)
    guard = apply_guard(recipe, folder, sets)
    found = _found(recipe, folder, sets)
    tables = (
        guard.table() if guard else None,
        _before_and_after(found),
        _evaluations(log.evaluations),
        settings_table(recipe),
    )
    report = Report(
        protocol="training",
        title=f"Training: {recipe.name}",
        about=_about(recipe, crops),
        headline=(_headline(recipe, log), *(guard.sentences() if guard else ())),
        numbers={**log.numbers(), **_numbers(found), **(guard.numbers() if guard else {})},
        tables=tuple(table for table in tables if table),
        charts=(*log.charts(), *_curves(log.evaluations, sets)),
        made_with=made_with(recipe.seed),
    )
    write_report(report, folder / "report")
    return report


def _about(recipe: RecognizerRecipe, crops: CropDataset) -> Evaluated:
    return Evaluated(
        model=recipe.name,
        contract="in training",
        unit="cosine",
        source=", ".join(path.name for path in recipe.data.sets),
        detector="",
        samples=len(crops),
        subjects=len(crops.classes),
        not_embedded={},
    )


def _headline(recipe: RecognizerRecipe, log: RunLog) -> str:
    first, last = log.losses()
    return (
        f"{recipe.model.backbone} with {recipe.head.name}, {len(log.steps):,} steps of {recipe.schedule.batch}: the "
        f"loss went from {first:.2f} to {last:.2f}."
    )


BeforeAfter = dict[str, dict[str, Report]]
"""By set, then by `before` and `after`, the evaluation of the saved embeddings."""


def _found(recipe: RecognizerRecipe, folder: Path, sets: list[ValidationSet]) -> BeforeAfter:
    found: BeforeAfter = {}
    for one in sets:
        for when in ("before", "after"):
            path = embeddings_path(folder, one.settings.name, when)
            if path.exists():
                found.setdefault(one.settings.name, {})[when] = one.report(np.load(path), recipe.name)
    return found


def _numbers(found: BeforeAfter) -> dict[str, Number]:
    """`set/metric` after the training, `set/metric before` before it."""
    numbers: dict[str, Number] = {}
    for name, reports in found.items():
        for when, report in reports.items():
            ending = "" if when == "after" else " before"
            numbers |= {f"{name}/{key}{ending}": value for key, value in report.numbers.items()}
    return numbers


def _before_and_after(found: BeforeAfter) -> Table | None:
    rows = []
    for name, reports in found.items():
        if set(reports) == {"before", "after"}:
            for key in headline_metrics(reports["after"]):
                pair = [reports[when].numbers.get(key) for when in ("before", "after")]
                rows.append((name, key, *(describe_number(one) if one else None for one in pair)))
    if not rows:
        return None
    note = "Intervals of 95% by subject. Numbers with a unit are thresholds and scores; all others are shares."
    return Table(
        title="Before the first step and after the last",
        columns=("set", "metric", "before", "after"),
        rows=tuple(rows),
        note=note,
    )


def _evaluations(evaluated: list[dict[str, Any]]) -> Table | None:
    rows = []
    for line in evaluated:
        name = str(line["evaluated"])
        shown = [key for key in HEADLINE if isinstance(line.get(f"{name}/{key}"), int | float)]
        words = ", ".join(f"{key} {float(line[f'{name}/{key}']):.4f}" for key in shown)
        rows.append((int(float(line["step"])), name, words))
    return Table(title="Evaluations", columns=("step", "set", "metrics"), rows=tuple(rows)) if rows else None


def _curves(evaluated: list[dict[str, Any]], sets: list[ValidationSet]) -> list[Chart]:
    """One chart per metric that was measured more than once."""
    charts = []
    for figure in HEADLINE:
        series = []
        for one in sets:
            key = f"{one.settings.name}/{figure}"
            points = [(float(line["step"]), float(line[key])) for line in evaluated if line.get(key) is not None]
            if len(points) > 1:
                series.append(
                    Series(name=one.settings.name, x=tuple(x for x, _ in points), y=tuple(y for _, y in points))
                )
        if series:
            name = figure.replace("@", "-").replace(" ", "-")
            charts.append(
                Chart(name=name, title=figure, kind="line", x_label="step", y_label=figure, series=tuple(series))
            )
    return charts
