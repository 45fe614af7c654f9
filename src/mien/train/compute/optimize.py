"""What moves how far: groups of parameters, their learning rates, and the scale of losses in half precision.

Knows no data and no update rule.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from mien.train.compute.distributed import World
from mien.train.compute.network import Staged
from mien.train.compute.preprocess import read_back
from mien.train.recipe.optimizers import OPTIMIZERS
from mien.train.recipe.settings import OptimizerSettings

GROWTH_INTERVAL = 100
"""Steps without an overflow after which the scale doubles (arcface_torch)."""

FIRST_SCALE = 2.0**16
"""Of the loss in half precision (torch.amp.GradScaler)."""

MAX_SCALE = 2.0**24
"""Greatest scale of the loss; doubling stops there."""


def make_optimizer(network: Staged, settings: OptimizerSettings, decay: float = 1.0) -> torch.optim.Optimizer:
    """Make an optimizer with two groups per stage: with weight decay and without.

    Norms, biases and PReLU, which are vectors, do not decay. A group's `share` multiplies the learning rate.

    Args:
        network: its stages go from input to output.
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
    return OPTIMIZERS[settings.name].make(listed, settings.rate, settings.momentum)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group to its share of `rate`."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["share"]


def freeze_stages(network: Staged, stages: tuple[int, ...]) -> None:
    """Keep the weights of some stages as they are."""
    for name, parameter in network.named_parameters():
        if network.stage_of(name) in stages:
            parameter.requires_grad = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a step.

    Attributes:
        loss: mean over the global batch.
        norm: norm of the network's gradient, before clipping.
        overflowed: whether half precision overflowed, so that nothing was changed.
        parts: parts of the loss, by name, for the log.
        stopping: whether any process was asked to stop.
    """

    loss: float
    norm: float
    overflowed: bool = False
    parts: tuple[tuple[str, float], ...] = ()
    stopping: bool = False

    @property
    def finite(self) -> bool:
        """Whether loss and gradient are finite numbers."""
        return self.overflowed or (isfinite(self.loss) and isfinite(self.norm))


@dataclass(slots=True)
class LossScale:
    """Keeps small gradients above half precision's minimum; halves on an overflow, doubles after a while."""

    value: float = 1.0
    grows: bool = False
    good: int = 0

    @classmethod
    def of(cls, precision: str) -> "LossScale":
        """The scale that a training begins with; only half precision needs one."""
        return cls(FIRST_SCALE, grows=True) if precision == "fp16" else cls()

    def outcome(self, loss: float, norm: float, *, good: bool, stopping: bool = False) -> Outcome:
        """Decide whether the weights may move after a step, and adapt the scale.

        Args:
            loss: of the step.
            norm: of the gradient.
            good: whether every gradient on every process is finite.
            stopping: whether any process was asked to stop.
        """
        if not good and self.grows and loss == loss and self.value > 1:
            self.update(overflowed=True)
            return Outcome(loss, norm, overflowed=True, stopping=stopping)
        outcome = Outcome(loss, norm if good else float("inf"), stopping=stopping)
        if outcome.finite:
            self.update(overflowed=False)
        return outcome

    def undo(self, network: nn.Module) -> None:
        """Bring a network's gradients back to the loss's own scale."""
        if self.value != 1:
            for parameter in network.parameters():
                if parameter.grad is not None:
                    parameter.grad.div_(self.value)

    def restore(self, state: dict[str, Any]) -> None:
        """Continue with the values of a checkpoint."""
        self.value, self.good = state["value"], state["good"]

    def update(self, *, overflowed: bool) -> None:
        """Halve or grow the scale after a step."""
        if not self.grows:
            return
        if overflowed:
            self.value, self.good = max(1.0, self.value / 2), 0
            return
        self.good += 1
        if self.good >= GROWTH_INTERVAL:
            self.value, self.good = min(MAX_SCALE, self.value * 2), 0


def gradient_norm(network: nn.Module, clip: float) -> Tensor:
    """Measure the norm of a network's gradient, and shrink the gradient to `clip` where that is above zero."""
    parameters = [parameter for parameter in network.parameters() if parameter.grad is not None]
    return torch.nn.utils.clip_grad_norm_(parameters, clip if clip else float("inf"))


@dataclass(frozen=True, slots=True)
class StepReading:
    """What the host learns of a step, by one exchange between processes and one wait for the device.

    Attributes:
        values: the numbers that were asked for.
        good: whether every gradient on every process is finite.
        stopping: whether any process was asked to stop.
    """

    values: tuple[float, ...]
    good: bool
    stopping: bool


def read_step(values: Tensor, bad: Tensor, world: World, *, stopping: bool) -> StepReading:
    """Read numbers of a step and two flags together.

    Args:
        values: (K,) float32, equal on all processes.
        bad: scalar, above 0 where a gradient of this process is not finite.
        world: the processes.
        stopping: whether this process was asked to stop.
    """
    flags = torch.stack([bad.float(), torch.full_like(bad, float(stopping), dtype=torch.float32)])
    *numbers, fault, stop = read_back(torch.cat([values, world.maximum(flags)]))
    return StepReading(tuple(numbers), fault == 0, stop > 0)
