"""The optimizers by name: torch's own for the backbone, and the same rule for sampled rows of class centres.

Owns the update rules. Knows no recipe, no schedule and no network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim.sgd import sgd

SECOND_MOMENTUM = 0.999
"""Of AdamW's squared gradients (Loshchilov and Hutter, ICLR 2019, section 5)."""

EPSILON = 1e-8
"""Keeps AdamW from dividing by zero; torch's default."""


class UpdateSettings(Protocol):
    """The numbers that an update rule needs."""

    @property
    def momentum(self) -> float:
        """Weight of the past in the running mean of gradients."""
        ...

    @property
    def weight_decay(self) -> float:
        """Share of a weight that a step takes away, per unit of the learning rate."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of class centres during a step; an update rule changes all of it in place.

    Attributes:
        weight: (R, centres per class, D).
        moments: what the rule keeps per weight, each with the shape of `weight`.
        counts: (R,) updates that each row has had; empty where the rule does not need them.
    """

    weight: Tensor
    moments: list[Tensor]
    counts: Tensor


@dataclass(frozen=True, slots=True)
class OptimizerKind:
    """An optimizer.

    Attributes:
        make: torch's optimizer for groups of parameters, at a learning rate and a momentum.
        update_rows: the same rule for rows with a gradient, at a learning rate.
        moments: how many numbers it keeps per weight.
        counts: whether it counts the updates of each row.
    """

    make: Callable[[list[dict[str, Any]], float, float], torch.optim.Optimizer]
    update_rows: Callable[[Rows, Tensor, float, UpdateSettings], None]
    moments: int
    counts: bool = False


def _fused(groups: list[dict[str, Any]]) -> bool | None:
    """Whether one kernel changes many weights at once: on GPUs, where each kernel costs time to start."""
    return True if any(one.is_cuda for group in groups for one in group["params"]) else None


def make_sgd(groups: list[dict[str, Any]], rate: float, momentum: float) -> torch.optim.Optimizer:
    """SGD with momentum (Sutskever et al., ICML 2013)."""
    return torch.optim.SGD(groups, lr=rate, momentum=momentum, fused=_fused(groups))


def update_rows_sgd(rows: Rows, gradient: Tensor, rate: float, settings: UpdateSettings) -> None:
    """One step of torch.optim.SGD; on a GPU by its own kernel, which reads and writes everything once."""
    if rows.weight.is_cuda:
        update_rows_sgd_fused(rows, gradient, rate, settings)
        return
    first = rows.moments[0].mul_(settings.momentum).add_(gradient).add_(rows.weight, alpha=settings.weight_decay)
    rows.weight.sub_(first, alpha=rate)


def update_rows_sgd_fused(rows: Rows, gradient: Tensor, rate: float, settings: UpdateSettings) -> None:
    """One step of torch.optim.SGD by one kernel."""
    sgd(
        [rows.weight],
        [gradient],
        [rows.moments[0]],
        fused=True,
        weight_decay=settings.weight_decay,
        momentum=settings.momentum,
        lr=rate,
        dampening=0.0,
        nesterov=False,
        maximize=False,
    )


def make_adamw(groups: list[dict[str, Any]], rate: float, momentum: float) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter, ICLR 2019)."""
    return torch.optim.AdamW(groups, lr=rate, betas=(momentum, SECOND_MOMENTUM), eps=EPSILON, fused=_fused(groups))


def update_rows_adamw(rows: Rows, gradient: Tensor, rate: float, settings: UpdateSettings) -> None:
    """One step of torch.optim.AdamW; the bias correction counts the updates of each row."""
    count = rows.counts.add_(1)
    rows.weight.mul_(1 - rate * settings.weight_decay)
    first = rows.moments[0].lerp_(gradient, 1 - settings.momentum)
    second = rows.moments[1].mul_(SECOND_MOMENTUM).addcmul_(gradient, gradient, value=1 - SECOND_MOMENTUM)
    fair = (1 - settings.momentum**count).view(-1, 1, 1)
    root = (second / (1 - SECOND_MOMENTUM**count).view(-1, 1, 1)).sqrt_().add_(EPSILON)
    rows.weight.sub_(rate * first / fair / root)


OPTIMIZERS: dict[str, OptimizerKind] = {
    "sgd": OptimizerKind(make_sgd, update_rows_sgd, moments=1),
    "adamw": OptimizerKind(make_adamw, update_rows_adamw, moments=2, counts=True),
}
"""A new optimizer is two functions and one line."""
