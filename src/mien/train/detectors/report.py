"""The report of a detector's training: its loss and its evaluations. Reads the run's log; trains nothing."""

from pathlib import Path
from typing import Any

from mien.evaluate.protocols.sections import made_with
from mien.evaluate.render import write_report
from mien.evaluate.report import Chart, Evaluated, Number, Report, Series
from mien.evaluate.wording import joined
from mien.evaluate.wording import message as evaluation_message
from mien.messages import Message, Text
from mien.train.detectors.dataset import SceneDataset
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.detectors.validation import TALL, TALL_RECALL
from mien.train.run.report import RunLog, evaluations_table, read_log, settings_table
from mien.train.run.verdict import loss_verdict
from mien.train.run.wording import message, metric_text

MAX_WARNINGS = 20
"""Problems of the data that the report lists; it counts all of them."""


def write_detector_report(recipe: DetectorRecipe, folder: Path, dataset: SceneDataset, language: str) -> Report:
    """Write report/ from what the run has logged, in a language."""
    log = read_log(folder)
    report = Report(
        protocol="training",
        title=message("title", name=recipe.name),
        about=_about(recipe, dataset),
        headline=(_headline(recipe, log, dataset),),
        numbers={
            **log.numbers(),
            **{key: Number(value=value) for key, value in _latest(log.evaluations).items()},
        },
        tables=(*evaluations_table([_evaluation(line) for line in log.evaluations]), settings_table(recipe)),
        charts=(*log.charts(), *_curves(log.evaluations)),
        warnings=tuple(f"{one.where}: {one.reason}" for one in dataset.problems[:MAX_WARNINGS]),
        made_with=made_with(recipe.seed),
    )
    write_report(report, folder / "report", language)
    return report


def _about(recipe: DetectorRecipe, dataset: SceneDataset) -> Evaluated:
    source, unusable = ", ".join(path.name for path in recipe.data.sets), len(dataset.problems)
    return Evaluated(
        model=recipe.name,
        contract="in training",
        unit="score",
        source=source,
        detector=recipe.detector.name,
        samples=len(dataset),
        subjects=0,
        not_embedded={"rows that could not be used": unusable} if unusable else {},
        sentence=message(
            "about.detector",
            source=source,
            images=len(dataset),
            faces=dataset.faces,
            unusable=message("unusable", count=unusable),
            detector=recipe.detector.name,
            model=recipe.name,
        ),
    )


def _headline(recipe: DetectorRecipe, log: RunLog, dataset: SceneDataset) -> Message:
    first, last = log.losses()
    steps_per_epoch = len(dataset) // recipe.schedule.batch
    verdict = loss_verdict(log, recipe, steps_per_epoch, started_from_weights=recipe.init is not None)
    return message(
        "headline.detector",
        detector=recipe.detector.name,
        images=len(dataset),
        faces=dataset.faces,
        steps=len(log.steps),
        batch=recipe.schedule.batch,
        first=first,
        last=last,
        verdict=verdict.sentence,
    )


def _latest(evaluations: list[dict[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in evaluations:
        found |= {key: float(value) for key, value in line.items() if "/" in key and isinstance(value, int | float)}
    return found


def _evaluation(line: dict[str, Any]) -> tuple[int, str, Text]:
    """Step, set and metrics of a line of the log."""
    name = str(line["evaluated"])
    metrics = [_metric(key.removeprefix(f"{name}/"), value) for key, value in _latest([line]).items()]
    return int(line["step"]), name, joined(metrics) if metrics else ""


def _metric(name: str, value: float) -> Message:
    called = message("metric.recall-above", pixels=TALL) if name == TALL_RECALL else metric_text(name)
    return message("metric-is", metric=called, value=evaluation_message("survey.thousandths", value=value))


def _curves(evaluations: list[dict[str, Any]]) -> list[Chart]:
    """Average precision over the steps, one line per set that was evaluated more than once."""
    points: dict[str, list[tuple[float, float]]] = {}
    for line in evaluations:
        name = str(line["evaluated"])
        points.setdefault(name, []).append((float(line["step"]), float(line[f"{name}/ap"])))
    series = tuple(
        Series(name=name, x=tuple(x for x, _ in own), y=tuple(y for _, y in own))
        for name, own in points.items()
        if len(own) > 1
    )
    if not series:
        return []
    title = metric_text("ap")
    return [Chart(name="ap", title=title, kind="line", x_label=message("axis.step"), y_label=title, series=series)]
