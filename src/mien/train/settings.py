"""What all recipes have in common: optimizer, schedule, how it is run, what the card says."""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field

from mien.models.card import Name, Strict

Share = Annotated[float, Field(ge=0, le=1)]


class Optimizer(Strict):
    """How weights follow their gradients."""

    name: Literal["sgd", "adamw"] = "sgd"
    rate: float = Field(gt=0)
    """The learning rate for a global batch of `rate_batch`; another batch scales it in proportion."""
    rate_batch: Annotated[int, Field(ge=1)] = 512
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    """Not on norms, biases and PReLU."""
    clip: Annotated[float, Field(ge=0)] = 5.0
    """Greatest norm of the backbone's gradient; 0 clips nothing."""


class Schedule(Strict):
    """How long, and how the learning rate goes."""

    batch: int = Field(ge=2)
    """Crops of a step over all processes."""
    epochs: Annotated[float | None, Field(gt=0)] = None
    steps: Annotated[int | None, Field(ge=1)] = None
    warm_up: Annotated[float, Field(ge=0)] = 0.0
    """Epochs in which the rate rises from nothing."""
    decay: Literal["polynomial", "step", "constant"] = "polynomial"
    power: Annotated[float, Field(gt=0)] = 1.0
    milestones: tuple[float, ...] = ()
    """Epochs after which the rate is multiplied by gamma."""
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1


class Run(Strict):
    """How it is run; none of this is meant to change the result."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["f32", "bf16", "fp16"] = "bf16"
    channels_last: bool = True
    compile: bool = False
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Parts in which a step's batch goes through the network; BatchNorm sees a part at a time."""
    recompute: bool = False
    """Compute activations again in the backward pass, which takes less memory and more time."""
    synchronize_norms: bool = False
    """BatchNorm over the batches of all processes, so that their number does not matter."""
    threads: Annotated[int, Field(ge=0)] = 0
    """That read crops; 0 takes one for each core of this process."""
    save_every: Annotated[int, Field(ge=1)] = 2000
    """Steps."""
    keep: Annotated[int, Field(ge=1)] = 2
    """Checkpoints."""
    non_finite: Literal["stop", "step back"] = "stop"
    wandb: bool = False


class About(Strict):
    """What the card of the exported model says."""

    summary: str = ""
    licence: str = "not stated"
    commercial_use: bool | None = None
    training_data: str = ""


class ValidationSettings(Strict):
    """A set that is evaluated on while training."""

    name: str
    every: Annotated[int, Field(ge=0)] = 0
    """Steps; 0 evaluates before and after alone."""


class Training(Strict):
    """A training."""

    name: Name
    seed: Annotated[int, Field(ge=0)] = 1
    optimizer: Optimizer
    schedule: Schedule
    run: Run = Run()
    about: About = About()
    evaluate: tuple[ValidationSettings, ...] = ()

    @property
    def digest(self) -> str:
        """sha256 of what the recipe says."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

    @property
    def rate(self) -> float:
        """The learning rate at this recipe's batch."""
        return self.optimizer.rate * self.schedule.batch / self.optimizer.rate_batch
