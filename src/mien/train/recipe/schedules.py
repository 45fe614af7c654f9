"""The learning rate of each step as a share of the recipe's: warm-up, then one of the decays by name.

Pure functions of step numbers. Sets no optimizer.
"""

from collections.abc import Callable
from math import cos, pi
from typing import Protocol


class DecaySettings(Protocol):
    """The numbers of a recipe's schedule that decays use."""

    @property
    def power(self) -> float:
        """Of the polynomial."""
        ...

    @property
    def milestones(self) -> tuple[float, ...]:
        """Epochs after which the rate is multiplied by gamma."""
        ...

    @property
    def gamma(self) -> float:
        """See milestones."""
        ...


def polynomial(done: float, reached: Callable[[float], bool], settings: DecaySettings) -> float:
    """(1 - done)^power."""
    return float((1 - done) ** settings.power)


def step_decay(done: float, reached: Callable[[float], bool], settings: DecaySettings) -> float:
    """Multiplied by gamma at each milestone."""
    return float(settings.gamma ** sum(reached(epoch) for epoch in settings.milestones))


def constant(done: float, reached: Callable[[float], bool], settings: DecaySettings) -> float:
    """As it is after the warm-up."""
    return 1.0


def cosine(done: float, reached: Callable[[float], bool], settings: DecaySettings) -> float:
    """(1 + cos(pi done)) / 2 (Loshchilov and Hutter, SGDR, ICLR 2017, equation 5, without restarts)."""
    return (1 + cos(pi * done)) / 2


Decay = Callable[[float, Callable[[float], bool], DecaySettings], float]
"""From the share of the steps after the warm-up that is done, whether an epoch is reached, and the settings."""

DECAYS: dict[str, Decay] = {
    "polynomial": polynomial,
    "cosine": cosine,
    "step": step_decay,
    "constant": constant,
}
"""A new decay is one function and one line."""


def rate_factor(
    step: int, steps: int, steps_per_epoch: int, decay: str, warm_up: float, settings: DecaySettings
) -> float:
    """Compute the learning rate of a step as a share of the recipe's.

    Args:
        step: 0 is the first.
        steps: number of steps of the whole training.
        steps_per_epoch: number of steps in an epoch.
        decay: a name of DECAYS.
        warm_up: epochs in which the rate rises linearly from nothing.
        settings: numbers of the decay.
    """
    warm = round(warm_up * steps_per_epoch)
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return DECAYS[decay](done, lambda epoch: step >= round(epoch * steps_per_epoch), settings)
