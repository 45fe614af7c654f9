"""The report of a detector's training: its loss and its evaluations. Reads the run's log; trains nothing."""

from pathlib import Path
from typing import Any

from mien.evaluate.protocols.sections import made_with
from mien.evaluate.render import write_report
from mien.evaluate.report import Chart, Evaluated, Number, Report, Series, Table
from mien.train.detectors.dataset import SceneDataset
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.run.report import read_log, settings_table

MAX_WARNINGS = 20
"""Problems of the data that the report lists; it counts all of them."""


def write_detector_report(recipe: DetectorRecipe, folder: Path, dataset: SceneDataset) -> Report:
    """Write report/ from what the run has logged."""
    log = read_log(folder)
    first, last = log.losses()
    report = Report(
        protocol="training",
        title=f"Training: {recipe.name}",
        about=_about(recipe, dataset),
        headline=(
            f"{recipe.detector.name} on {len(dataset):,} images with {dataset.faces:,} faces, {len(log.steps):,} "
            f"steps of {recipe.schedule.batch}: the loss went from {first:.2f} to {last:.2f}.",
        ),
        numbers={
            **log.numbers(),
            **{key: Number(value=value) for key, value in _latest(log.evaluations).items()},
        },
        tables=(*_tables(log.evaluations), settings_table(recipe)),
        charts=(*log.charts(), *_curves(log.evaluations)),
        warnings=tuple(f"{one.where}: {one.reason}" for one in dataset.problems[:MAX_WARNINGS]),
        made_with=made_with(recipe.seed),
    )
    write_report(report, folder / "report")
    return report


def _about(recipe: DetectorRecipe, dataset: SceneDataset) -> Evaluated:
    return Evaluated(
        model=recipe.name,
        contract="in training",
        unit="score",
        source=", ".join(path.name for path in recipe.data.sets),
        detector=recipe.detector.name,
        samples=len(dataset),
        subjects=0,
        not_embedded={"rows that could not be used": len(dataset.problems)} if dataset.problems else {},
    )


def _latest(evaluations: list[dict[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in evaluations:
        found |= {key: float(value) for key, value in line.items() if "/" in key and isinstance(value, int | float)}
    return found


def _tables(evaluations: list[dict[str, Any]]) -> list[Table]:
    rows = []
    for line in evaluations:
        name = str(line["evaluated"])
        shown = (f"{key.removeprefix(name + '/')} {value:.3f}" for key, value in _latest([line]).items())
        rows.append((int(line["step"]), name, ", ".join(shown)))
    return [Table(title="Evaluations", columns=("step", "set", "metrics"), rows=tuple(rows))] if rows else []


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
    return [Chart(name="ap", title="Average precision", kind="line", x_label="step", y_label="AP", series=series)]
