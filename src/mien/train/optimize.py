"""What moves how far: groups of parameters, the learning rate of each step, the scale of losses in half precision.

Knows no data and no network.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mien.train.network import Staged
from mien.train.settings import Optimizer, Schedule
from mien.train.task import Outcome

GROWTH_INTERVAL = 100
"""Steps without an overflow after which the scale doubles (arcface_torch)."""


def make_optimizer(network: Staged, settings: Optimizer, decay: float = 1.0) -> torch.optim.Optimizer:
    """An optimizer with one group for each stage, with and without weight decay.

    Norms, biases and PReLU, which are vectors, do not decay. A group's `share` multiplies the learning rate.

    Args:
        network: of several stages.
        settings: of the recipe.
        decay: the learning rate of each stage as a share of the next one's.
    """
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((network.stage_of(name), parameter.ndim > 1), []).append(parameter)
    listed: list[dict[str, Any]] = [
        {
            "params": parameters,
            "weight_decay": settings.weight_decay if decays else 0.0,
            "share": decay ** (network.stages - 1 - stage),
        }
        for (stage, decays), parameters in sorted(groups.items())
    ]
    if settings.name == "adamw":
        return torch.optim.AdamW(listed, lr=settings.rate, betas=(settings.momentum, 0.999))
    return torch.optim.SGD(listed, lr=settings.rate, momentum=settings.momentum)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group to its share of `rate`."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["share"]


def freeze_stages(network: Staged, stages: tuple[int, ...]) -> None:
    """Keep the weights of some stages as they are."""
    for name, parameter in network.named_parameters():
        if network.stage_of(name) in stages:
            parameter.requires_grad = False


def factor_at(step: int, steps: int, steps_per_epoch: int, schedule: Schedule) -> float:
    """The learning rate of a step as a share of the recipe's.

    Args:
        step: 0 is the first.
        steps: of the whole training.
        steps_per_epoch: steps in an epoch.
        schedule: warm-up rises linearly; polynomial decay is (1 - done)^power over what follows the warm-up.
    """
    warm = round(schedule.warm_up * steps_per_epoch)
    if step < warm:
        return (step + 1) / warm
    if schedule.decay == "step":
        return float(schedule.gamma ** sum(step >= round(epoch * steps_per_epoch) for epoch in schedule.milestones))
    if schedule.decay == "constant":
        return 1.0
    return float((1 - (step - warm) / max(1, steps - warm)) ** schedule.power)


FIRST_SCALE = 2.0**16
"""Of the loss in half precision (torch.amp.GradScaler)."""


@dataclass(slots=True)
class LossScale:
    """Keeps small gradients above half precision's least number; halves on an overflow, doubles after a while."""

    value: float = 1.0
    grows: bool = False
    good: int = 0

    @classmethod
    def of(cls, precision: str) -> "LossScale":
        """The scale that a training begins with: half precision needs one."""
        return cls(FIRST_SCALE, grows=True) if precision == "fp16" else cls()

    def judge(self, loss: float, norm: float, *, good: bool) -> Outcome:
        """How a step went, and whether the weights may move; takes it in.

        Args:
            loss: of the step.
            norm: of the gradient.
            good: whether every gradient on every process is finite.
        """
        if not good and self.grows and loss == loss and self.value > 1:
            self.seen(overflowed=True)
            return Outcome(loss, norm, overflowed=True)
        outcome = Outcome(loss, norm if good else float("inf"))
        if outcome.finite:
            self.seen(overflowed=False)
        return outcome

    def undo(self, network: nn.Module) -> None:
        """Bring a network's gradients back to the loss's own scale."""
        if self.value != 1:
            for parameter in network.parameters():
                if parameter.grad is not None:
                    parameter.grad.div_(self.value)

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what a checkpoint kept."""
        self.value, self.good = state["value"], state["good"]

    def seen(self, overflowed: bool) -> None:
        """Take in how a step went."""
        if not self.grows:
            return
        if overflowed:
            self.value, self.good = max(1.0, self.value / 2), 0
            return
        self.good += 1
        if self.good >= GROWTH_INTERVAL:
            self.value, self.good = min(2.0**24, self.value * 2), 0


def gradient_norm(backbone: nn.Module, clip: float) -> Tensor:
    """The norm of a network's gradient, which is brought down to `clip` where that is above zero."""
    parameters = [parameter for parameter in backbone.parameters() if parameter.grad is not None]
    return torch.nn.utils.clip_grad_norm_(parameters, clip if clip else float("inf"))
