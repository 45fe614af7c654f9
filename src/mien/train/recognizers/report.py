"""The report of a training: its curves, its evaluations, and of a fine-tuning what was gained and what forgotten.

Reads the run's log and kept embeddings; trains nothing.
"""

from pathlib import Path

import numpy as np

from mien.evaluate.protocols.sections import made_with
from mien.evaluate.render import write_report
from mien.evaluate.report import Chart, Number, Report, Series, Subject, Table
from mien.train.journal import read_journal
from mien.train.recognizers.dataset import CropDataset
from mien.train.recognizers.guard import GuardResult, apply_guard
from mien.train.recognizers.recipe import Recipe
from mien.train.recognizers.validation import (
    HEADLINE,
    ValidationSet,
    describe_number,
    embeddings_path,
    headline_metrics,
)
from mien.train.report import loss_chart, rate_chart, settings_table


def write_training_report(recipe: Recipe, folder: Path, crops: CropDataset, sets: list[ValidationSet]) -> Report:
    """Write report/ from what the run has logged."""
    lines = read_journal(folder / "log.jsonl")
    steps = [line for line in lines if "loss" in line]
    evaluated = [line for line in lines if "evaluated" in line]
    judged = apply_guard(recipe, folder, sets)
    found = _found(recipe, folder, sets)
    losses = [float(line["loss"]) for line in steps]
    last = float(np.mean(losses[-50:])) if losses else float("nan")
    numbers = {
        "steps": Number(value=len(steps)),
        "first loss": Number(value=float(np.mean(losses[:10])) if losses else None),
        "last loss": Number(value=last),
        "images a second": Number(value=float(np.median([line["speed"] for line in steps])) if steps else None),
        **_numbers(found),
        **(judged.numbers() if judged else {}),
    }
    tables = (
        judged.table() if judged else None,
        _before_and_after(found),
        _evaluations(evaluated),
        settings_table(recipe),
    )
    charts = (loss_chart(steps), rate_chart(steps), *_curves(evaluated, sets))
    report = Report(
        protocol="training",
        title=f"Training: {recipe.name}",
        about=_about(recipe, crops),
        headline=_headline(recipe, steps, last, judged),
        numbers=numbers,
        tables=tuple(table for table in tables if table),
        charts=tuple(chart for chart in charts if chart),
        made_with=made_with(recipe.seed),
    )
    write_report(report, folder / "report")
    return report


def _about(recipe: Recipe, crops: CropDataset) -> Subject:
    return Subject(
        model=recipe.name,
        contract="in training",
        unit="cosine",
        source=", ".join(path.name for path in recipe.data.sets),
        detector="",
        samples=len(crops),
        subjects=len(crops.classes),
        not_embedded={},
    )


def _headline(
    recipe: Recipe, steps: list[dict[str, float]], last: float, judged: GuardResult | None
) -> tuple[str, ...]:
    first = float(np.mean([line["loss"] for line in steps[:10]])) if steps else float("nan")
    lines = [
        f"{recipe.model.backbone} with {recipe.head.name}, {len(steps):,} steps of {recipe.schedule.batch}: the loss "
        f"went from {first:.2f} to {last:.2f}."
    ]
    return (*lines, *(judged.sentences() if judged else ()))


Found = dict[str, dict[str, Report]]
"""By set, then by `before` and `after`, what mien.evaluate says of the kept embeddings."""


def _found(recipe: Recipe, folder: Path, sets: list[ValidationSet]) -> Found:
    found: Found = {}
    for one in sets:
        for when in ("before", "after"):
            path = embeddings_path(folder, one.settings.name, when)
            if path.exists():
                found.setdefault(one.settings.name, {})[when] = one.report(np.load(path), recipe.name)
    return found


def _numbers(found: Found) -> dict[str, Number]:
    """`set/figure` after the training, `set/figure before` before it."""
    numbers: dict[str, Number] = {}
    for name, reports in found.items():
        for when, report in reports.items():
            ending = "" if when == "after" else " before"
            numbers |= {f"{name}/{key}{ending}": value for key, value in report.numbers.items()}
    return numbers


def _before_and_after(found: Found) -> Table | None:
    rows = []
    for name, reports in found.items():
        if set(reports) == {"before", "after"}:
            for key in headline_metrics(reports["after"]):
                pair = [reports[when].numbers.get(key) for when in ("before", "after")]
                rows.append((name, key, *(describe_number(one) if one else None for one in pair)))
    if not rows:
        return None
    note = "Intervals of 95% by subject. What is no share is a threshold or a score, with its unit."
    return Table(
        title="Before the first step and after the last",
        columns=("set", "figure", "before", "after"),
        rows=tuple(rows),
        note=note,
    )


def _evaluations(evaluated: list[dict[str, float | str]]) -> Table | None:
    rows = []
    for line in evaluated:
        name = str(line["evaluated"])
        shown = [key for key in HEADLINE if isinstance(line.get(f"{name}/{key}"), int | float)]
        words = ", ".join(f"{key} {float(line[f'{name}/{key}']):.4f}" for key in shown)
        rows.append((int(float(line["step"])), name, words))
    return Table(title="Evaluations", columns=("step", "set", "figures"), rows=tuple(rows)) if rows else None


def _curves(evaluated: list[dict[str, float | str]], sets: list[ValidationSet]) -> list[Chart]:
    """One chart for each kind of figure that was taken more than once."""
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
