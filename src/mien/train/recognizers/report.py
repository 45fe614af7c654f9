"""The report of a recognizer's training: curves, evaluations, and after fine-tuning what was gained and forgotten.

Reads the run's log and saved embeddings; trains nothing.
"""

from pathlib import Path
from typing import Any

import numpy as np

from mien.evaluate.protocols.sections import made_with
from mien.evaluate.render import write_report
from mien.evaluate.report import Chart, Evaluated, Number, Report, Series, Table
from mien.evaluate.wording import joined, score_text
from mien.messages import Message, Text
from mien.train.recognizers.dataset import CropDataset
from mien.train.recognizers.guard import GuardResult, apply_guard, save_sentences
from mien.train.recognizers.recipe import RecognizerRecipe
from mien.train.recognizers.validation import (
    HEADLINE,
    ValidationSet,
    describe_number,
    embeddings_path,
    headline_metrics,
)
from mien.train.run.report import RunLog, evaluations_table, read_log, settings_table
from mien.train.run.verdict import loss_verdict
from mien.train.run.wording import message, metric_text


def write_training_report(
    recipe: RecognizerRecipe, folder: Path, crops: CropDataset, sets: list[ValidationSet], language: str
) -> Report:
    """Write report/ from what the run has logged, in a language."""
    guard = apply_guard(recipe, folder, sets)
    report = _report(recipe, read_log(folder), crops, guard, _found(recipe, folder, sets))
    write_report(report, folder / "report", language)
    if guard is not None:
        save_sentences(guard, folder)
    return report


BeforeAfter = dict[str, dict[str, Report]]
"""By set, then by `before` and `after`, the evaluation of the saved embeddings."""


def _report(
    recipe: RecognizerRecipe, log: RunLog, crops: CropDataset, guard: GuardResult | None, found: BeforeAfter
) -> Report:
    return Report(
        protocol="training",
        title=message("title", name=recipe.name),
        about=_about(recipe, crops),
        headline=(_headline(recipe, log, crops), *(guard.sentences() if guard else ())),
        numbers={**log.numbers(), **_numbers(found), **(guard.numbers() if guard else {})},
        tables=(
            *([guard.table()] if guard and guard.rows else []),
            *_before_and_after(found),
            *evaluations_table([_evaluation(line) for line in log.evaluations]),
            settings_table(recipe),
        ),
        charts=(*log.charts(), *_curves(log.evaluations, [one.name for one in recipe.evaluate])),
        made_with=made_with(recipe.seed),
    )


def _about(recipe: RecognizerRecipe, crops: CropDataset) -> Evaluated:
    source = ", ".join(path.name for path in recipe.data.sets)
    return Evaluated(
        model=recipe.name,
        contract="in training",
        unit="cosine",
        source=source,
        detector="",
        samples=len(crops),
        subjects=len(crops.classes),
        not_embedded={},
        sentence=message(
            "about.recognizer", source=source, crops=len(crops), subjects=len(crops.classes), model=recipe.name
        ),
    )


def _headline(recipe: RecognizerRecipe, log: RunLog, crops: CropDataset) -> Message:
    first, last = log.losses()
    steps_per_epoch = crops.epoch_length // recipe.schedule.batch
    verdict = loss_verdict(log, recipe, steps_per_epoch, started_from_weights=recipe.init is not None)
    return message(
        "headline.recognizer",
        backbone=recipe.model.backbone,
        head=recipe.head.name,
        steps=len(log.steps),
        batch=recipe.schedule.batch,
        first=first,
        last=last,
        verdict=verdict.sentence,
    )


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


def _before_and_after(found: BeforeAfter) -> list[Table]:
    rows = []
    for name, reports in found.items():
        if set(reports) == {"before", "after"}:
            for key in headline_metrics(reports["after"]):
                pair = [reports[when].numbers.get(key) for when in ("before", "after")]
                rows.append((name, metric_text(key), *(describe_number(one) if one else None for one in pair)))
    if not rows:
        return []
    columns = tuple(message(f"column.{name}") for name in ("set", "metric", "before", "after"))
    return [
        Table(
            title=message("before-and-after"),
            columns=columns,
            rows=tuple(rows),
            note=message("before-and-after-note"),
        )
    ]


def _evaluation(line: dict[str, Any]) -> tuple[int, str, Text]:
    """Step, set and metrics of a line of the log."""
    name = str(line["evaluated"])
    shown = [key for key in HEADLINE if isinstance(line.get(f"{name}/{key}"), int | float)]
    metrics = [
        message("metric-is", metric=metric_text(key), value=score_text(line[f"{name}/{key}"])) for key in shown
    ]
    return int(float(line["step"])), name, joined(metrics) if metrics else ""


def _curves(evaluated: list[dict[str, Any]], sets: list[str]) -> list[Chart]:
    """One chart per metric that was measured more than once."""
    charts = []
    for metric in HEADLINE:
        series = [one for name in sets for one in _curve(evaluated, name, metric)]
        if series:
            charts.append(
                Chart(
                    name=metric.replace("@", "-").replace(" ", "-"),
                    title=metric_text(metric),
                    kind="line",
                    x_label=message("axis.step"),
                    y_label=metric_text(metric),
                    series=tuple(series),
                )
            )
    return charts


def _curve(evaluated: list[dict[str, Any]], name: str, metric: str) -> list[Series]:
    """A metric of a set over the steps, if it was measured more than once."""
    key = f"{name}/{metric}"
    points = [(float(line["step"]), float(line[key])) for line in evaluated if line.get(key) is not None]
    return (
        [Series(name=name, x=tuple(x for x, _ in points), y=tuple(y for _, y in points))] if len(points) > 1 else []
    )
