"""The units of scores, and their conversion. Imports no array library, so that a threshold is converted at once."""

from math import inf, sqrt
from typing import Literal

from mien.errors import ContractError

ModelMetric = Literal["cosine", "l2"]
"""How the embeddings of a model are compared."""
Metric = Literal["cosine", "l2", "z-norm", "t-norm", "s-norm", "z-norm of l2", "t-norm of l2", "s-norm of l2"]
"""How scores are made: by a model's metric, or normalized by a cohort after that (mien.scores)."""
Unit = Literal["cosine", "L2", "squared L2"]
UNITS: tuple[Unit, ...] = ("cosine", "L2", "squared L2")

UNIT_OF: dict[ModelMetric, Unit] = {"cosine": "cosine", "l2": "L2"}

MAX_OF: dict[Unit, float] = {"cosine": 1.0, "L2": 2.0, "squared L2": 4.0}
"""The largest value of each unit between embeddings of unit length."""


def unit_text(metric: Metric) -> str:
    """What the scores of a metric are called in reports: its unit, or the normalization."""
    return metric if "norm" in metric else UNIT_OF[base_metric(metric)]


def base_metric(metric: Metric) -> ModelMetric:
    """The model's metric that a metric begins with."""
    return "l2" if metric.endswith("l2") else "cosine"


def threshold_unit(metric: Metric) -> Unit:
    """The unit of a threshold that a card or a gallery can hold.

    Raises:
        ContractError: the scores are normalized by a cohort, which neither knows.
    """
    if "norm" in metric:
        raise ContractError(
            f"a threshold of scores with {metric} is not for a card or a gallery: they do not normalize"
        )
    return UNIT_OF[base_metric(metric)]


def better_is_higher(unit: Unit) -> bool:
    """Whether a larger value in this unit means more alike."""
    return unit == "cosine"


def convert(value: float, unit: Unit, to: Unit, *, unit_length: bool) -> float:
    """Convert a score or threshold between units.

    L2 and squared L2 always convert; a cosine does only where embeddings have unit length, by
    cos = 1 - d^2 / 2 (the law of cosines).

    Raises:
        ContractError: a cosine and a distance of embeddings that do not have unit length.
        ValueError: a negative distance or a cosine outside -1..1.
    """
    if unit == to:
        return value
    if not unit_length and "cosine" in (unit, to):
        raise ContractError(
            f"{unit} cannot be converted to {to}: this model's embeddings do not have unit length; "
            "measure the threshold again in the model's own unit"
        )
    squared = _to_squared(value, unit)
    if to == "cosine":
        return 1 - squared / 2
    return sqrt(squared) if to == "L2" else squared


def convert_unit_length(value: float, unit: Unit) -> dict[Unit, float]:
    """A score or threshold between embeddings of unit length, in every unit.

    Example:
        >>> mien.convert_threshold(1.0, "L2")
        {'cosine': 0.5, 'L2': 1.0, 'squared L2': 1.0}

    Raises:
        ValueError: no two embeddings of unit length have such a score.
    """
    if unit != "cosine" and not 0 <= value <= MAX_OF[unit]:
        raise ValueError(
            f"{value:g} is not a {unit} between embeddings of unit length: the values are from 0 to {MAX_OF[unit]:g}"
        )
    return {to: convert(value, unit, to, unit_length=True) for to in MAX_OF}


def _to_squared(value: float, unit: Unit) -> float:
    if unit == "cosine":
        if not -1 <= value <= 1:
            raise ValueError(f"a cosine is between -1 and 1, not {value}")
        return 2 - 2 * value
    if not 0 <= value < inf:
        raise ValueError(f"a distance is a number that is not negative: got {value}")
    return value * value if unit == "L2" else value
