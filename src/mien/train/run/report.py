"""What the reports of all trainings show: curves of loss and learning rate, evaluations, and the recipe as a table.

Draws and writes nothing itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.evaluate.report import Chart, Number, Series, Table, thin
from mien.messages import Text
from mien.train.recipe.settings import Training
from mien.train.run.journal import read_journal
from mien.train.run.wording import message

SMOOTH = 0.95
"""Weight of the past in the running mean of the loss."""

FIRST_STEPS, LAST_STEPS = 10, 50
"""Steps whose mean loss is reported as the first and the last one; in a short run, a quarter of its steps each."""


@dataclass(frozen=True, slots=True)
class RunLog:
    """The log of a run.

    Attributes:
        steps: one line per step, with loss, rate and speed.
        evaluations: one line per evaluation.
    """

    steps: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]

    def windows(self) -> tuple[int, int]:
        """How many of the first and of the last steps are averaged."""
        quarter = max(1, len(self.steps) // 4)
        return min(FIRST_STEPS, quarter), min(LAST_STEPS, quarter)

    def losses(self) -> tuple[float, float]:
        """The mean loss of the first and of the last steps; NaN for a run without steps."""
        losses = [float(line["loss"]) for line in self.steps] or [float("nan")]
        first, last = self.windows()
        return float(np.mean(losses[:first])), float(np.mean(losses[-last:]))

    def numbers(self) -> dict[str, Number]:
        """Steps, losses and speed, for programs."""
        speeds = [float(line["speed"]) for line in self.steps]
        first, last = self.losses()
        return {
            "steps": Number(value=len(self.steps)),
            "first loss": Number(value=first if self.steps else None),
            "last loss": Number(value=last if self.steps else None),
            "images per second": Number(value=float(np.median(speeds)) if speeds else None),
        }

    def charts(self) -> list[Chart]:
        """The loss and the learning rate of each step; none for fewer than two steps."""
        return [loss_chart(self.steps), rate_chart(self.steps)] if len(self.steps) > 1 else []


def read_log(folder: Path) -> RunLog:
    """Read the log of a run's folder."""
    lines = read_journal(folder / "log.jsonl")
    return RunLog([line for line in lines if "loss" in line], [line for line in lines if "evaluated" in line])


def loss_chart(steps: list[dict[str, Any]]) -> Chart:
    """The loss of each step and its running mean."""
    smooth, running, weight = [], 0.0, 0.0
    for line in steps:
        running, weight = SMOOTH * running + (1 - SMOOTH) * line["loss"], SMOOTH * weight + 1 - SMOOTH
        smooth.append(running / weight)
    chosen = thin(smooth)
    x = tuple(float(steps[i]["step"]) for i in chosen)
    return Chart(
        name="loss",
        title=message("loss"),
        kind="line",
        x_label=message("axis.step"),
        y_label=message("axis.loss"),
        series=(
            Series(name=message("each-step"), x=x, y=tuple(float(steps[i]["loss"]) for i in chosen)),
            Series(name=message("running-mean"), x=x, y=tuple(smooth[i] for i in chosen)),
        ),
    )


def rate_chart(steps: list[dict[str, Any]]) -> Chart:
    """The learning rate of each step."""
    chosen = thin([line["rate"] for line in steps])
    series = Series(
        name=message("axis.rate"),
        x=tuple(float(steps[i]["step"]) for i in chosen),
        y=tuple(float(steps[i]["rate"]) for i in chosen),
    )
    return Chart(
        name="rate",
        title=message("rate"),
        kind="line",
        x_label=message("axis.step"),
        y_label=message("axis.rate"),
        series=(series,),
    )


def settings_table(recipe: Training) -> Table:
    """Show the recipe, one row per section; recipe.toml has it in full."""
    rows = []
    for section, values in recipe.model_dump(mode="json", exclude={"evaluate"}, exclude_none=True).items():
        if isinstance(values, dict):
            shown = (f"{key} {_plain(value)}" for key, value in values.items() if value not in ("", [], {}))
            rows.append((section, ", ".join(shown)))
        else:
            rows.append((section, str(values)))
    columns = message("column.section"), message("column.settings")
    return Table(title=message("recipe"), columns=columns, rows=tuple(rows))


def evaluations_table(rows: Sequence[tuple[int, str, Text]]) -> list[Table]:
    """The evaluations of a run: step, set, and its metrics in one text; no table for none."""
    columns = message("column.step"), message("column.set"), message("column.metrics")
    return [Table(title=message("evaluations"), columns=columns, rows=tuple(rows))] if rows else []


def _plain(value: object) -> str:
    """A value for people; paths are shortened to their last name."""
    if isinstance(value, list):
        return " ".join(_plain(one) for one in value)
    return Path(value).name if isinstance(value, str) and "/" in value else str(value)
