"""The report of a training: its curves, its evaluations, and of a fine-tuning what was gained and what forgotten.

Reads the run's log and kept embeddings; trains nothing.
"""

from pathlib import Path

import numpy as np

from mien.evaluate.protocols.sections import made_with
from mien.evaluate.render import write_report
from mien.evaluate.report import Chart, Number, Report, Series, Subject, Table, thin
from mien.train.crops import Crops
from mien.train.guard import Judged, judge
from mien.train.journal import read_journal
from mien.train.recipe import Recipe
from mien.train.settings import Training
from mien.train.watching import SHOWN, WatchedSet, describe_number, kept, telling

SMOOTH = 0.95
"""Of the running mean of the loss that is drawn beside it."""


def write_training_report(recipe: Recipe, folder: Path, crops: Crops, sets: list[WatchedSet]) -> Report:
    """Write report/ from what the run has logged."""
    lines = read_journal(folder / "log.jsonl")
    steps = [line for line in lines if "loss" in line]
    evaluated = [line for line in lines if "evaluated" in line]
    judged = judge(recipe, folder, sets)
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


def _about(recipe: Recipe, crops: Crops) -> Subject:
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


def _headline(recipe: Recipe, steps: list[dict[str, float]], last: float, judged: Judged | None) -> tuple[str, ...]:
    first = float(np.mean([line["loss"] for line in steps[:10]])) if steps else float("nan")
    lines = [
        f"{recipe.model.backbone} with {recipe.head.name}, {len(steps):,} steps of {recipe.schedule.batch}: the loss "
        f"went from {first:.2f} to {last:.2f}."
    ]
    return (*lines, *(judged.sentences() if judged else ()))


Found = dict[str, dict[str, Report]]
"""By set, then by `before` and `after`, what mien.evaluate says of the kept embeddings."""


def _found(recipe: Recipe, folder: Path, sets: list[WatchedSet]) -> Found:
    found: Found = {}
    for one in sets:
        for when in ("before", "after"):
            path = kept(folder, one.settings.name, when)
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
            for key in telling(reports["after"]):
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
        shown = [key for key in SHOWN if isinstance(line.get(f"{name}/{key}"), int | float)]
        words = ", ".join(f"{key} {float(line[f'{name}/{key}']):.4f}" for key in shown)
        rows.append((int(float(line["step"])), name, words))
    return Table(title="Evaluations", columns=("step", "set", "figures"), rows=tuple(rows)) if rows else None


def settings_table(recipe: Training) -> Table:
    """The recipe, a row for each section; recipe.toml has it in full."""
    rows = []
    for section, values in recipe.model_dump(mode="json", exclude={"evaluate"}, exclude_none=True).items():
        if isinstance(values, dict):
            shown = (f"{key} {_plain(value)}" for key, value in values.items() if value not in ("", [], {}))
            rows.append((section, ", ".join(shown)))
        else:
            rows.append((section, str(values)))
    return Table(title="Recipe", columns=("section", "settings"), rows=tuple(rows))


def _plain(value: object) -> str:
    """A value for people; of paths the last name."""
    if isinstance(value, list):
        return " ".join(_plain(one) for one in value)
    return Path(value).name if isinstance(value, str) and "/" in value else str(value)


def loss_chart(steps: list[dict[str, float]]) -> Chart | None:
    """The loss of each step and its running mean."""
    if len(steps) < 2:
        return None
    smooth, running, weight = [], 0.0, 0.0
    for line in steps:
        running, weight = SMOOTH * running + (1 - SMOOTH) * line["loss"], SMOOTH * weight + 1 - SMOOTH
        smooth.append(running / weight)
    chosen = thin(smooth)
    x = tuple(float(steps[i]["step"]) for i in chosen)
    return Chart(
        name="loss",
        title="Loss",
        kind="line",
        x_label="step",
        y_label="loss",
        series=(
            Series(name="each step", x=x, y=tuple(float(steps[i]["loss"]) for i in chosen)),
            Series(name="running mean", x=x, y=tuple(smooth[i] for i in chosen)),
        ),
    )


def rate_chart(steps: list[dict[str, float]]) -> Chart | None:
    """The learning rate of each step."""
    if len(steps) < 2:
        return None
    chosen = thin([line["rate"] for line in steps])
    series = Series(
        name="learning rate",
        x=tuple(float(steps[i]["step"]) for i in chosen),
        y=tuple(float(steps[i]["rate"]) for i in chosen),
    )
    return Chart(
        name="rate", title="Learning rate", kind="line", x_label="step", y_label="learning rate", series=(series,)
    )


def _curves(evaluated: list[dict[str, float | str]], sets: list[WatchedSet]) -> list[Chart]:
    """One chart for each kind of figure that was taken more than once."""
    charts = []
    for figure in SHOWN:
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
