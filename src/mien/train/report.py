"""What the reports of all trainings show: the curves of loss and learning rate, and the recipe as a table.

Draws nothing itself and reads no file.
"""

from pathlib import Path

from mien.evaluate.report import Chart, Series, Table, thin
from mien.train.settings import Training

SMOOTH = 0.95
"""Weight of the past in the running mean of the loss."""


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
