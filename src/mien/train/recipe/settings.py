"""What all recipes have in common: optimizer, schedule, how a training runs, what the model card says."""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mien.models.card import Name, Strict
from mien.plain_names import valid_title
from mien.train.recipe.optimizers import OPTIMIZERS
from mien.train.recipe.registry import name_in
from mien.train.recipe.schedules import DECAYS, rate_factor

Fraction = Annotated[float, Field(ge=0, le=1)]


class OptimizerSettings(Strict):
    """How weights follow their gradients."""

    name: Annotated[str, name_in(OPTIMIZERS, "optimizer")] = "sgd"
    rate: float = Field(gt=0)
    """Learning rate for a global batch of `rate_batch`; it is scaled in proportion for other batches."""
    rate_batch: Annotated[int, Field(ge=1)] = 512
    momentum: Fraction = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    """Norms, biases and PReLU do not decay."""
    clip: Annotated[float, Field(ge=0)] = 5.0
    """Maximum norm of the backbone's gradient; 0 does not clip."""


class ScheduleSettings(Strict):
    """How long a training takes, and how the learning rate changes."""

    batch: int = Field(ge=2)
    """Samples of a step, over all processes."""
    epochs: Annotated[float | None, Field(gt=0)] = None
    steps: Annotated[int | None, Field(ge=1)] = None
    warm_up: Annotated[float, Field(ge=0)] = 0.0
    """Epochs in which the rate rises linearly from nothing."""
    decay: Annotated[str, name_in(DECAYS, "decay")] = "polynomial"
    power: Annotated[float, Field(gt=0)] = 1.0
    milestones: tuple[float, ...] = ()
    """Epochs after which the rate is multiplied by gamma."""
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1

    def total_steps(self, steps_per_epoch: int) -> int:
        """Number of steps of the whole training."""
        return self.steps or max(1, round((self.epochs or 0) * steps_per_epoch))

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """The learning rate of a step as a share of the recipe's; see mien.train.recipe.schedules."""
        return rate_factor(step, steps, steps_per_epoch, self.decay, self.warm_up, self)


def _way(value: object) -> object:
    """The mode that a yes or no means, as older recipes have it."""
    return ("default" if value else "off") if isinstance(value, bool) else value


class RunSettings(Strict):
    """How a training runs. Only precision, exchange, accumulate and synchronize_norms change the result."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["f32", "bf16", "fp16"] = "bf16"
    channels_last: bool = True
    compile: Annotated[Literal["auto", "off", "default", "reduce-overhead"], BeforeValidator(_way)] = "auto"
    """Mode of torch.compile. auto measures on a GPU which way is the fastest for the batch, and keeps the result; it
    compiles nothing on a processor."""
    static_graph: bool = False
    """Several processes: every step uses the same weights in the same order, so gradients are exchanged earlier."""
    exchange: Literal["f32", "bf16"] = "f32"
    """Several processes: the precision in which gradients travel; bf16 halves the traffic and rounds them."""
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Parts in which a batch goes through the network; BatchNorm sees one part at a time."""
    recompute: bool = False
    """Compute activations again in the backward pass, which takes less memory and more time."""
    synchronize_norms: bool = False
    """BatchNorm over the batches of all processes, so that the number of processes does not matter."""
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads that read samples; 0 takes half of the cores that this process may use."""
    save_every: Annotated[int, Field(ge=1)] = 2000
    """Steps between checkpoints."""
    keep: Annotated[int, Field(ge=1)] = 2
    """Number of checkpoints to keep."""
    gather: bool = False
    """Whether the first process collects all parts of a checkpoint, for machines without a folder in common."""
    non_finite: Literal["stop", "step back"] = "stop"
    wandb: bool = False


class About(Strict):
    """What the card of the exported model says."""

    summary: str = ""
    licence: str = "not stated"
    commercial_use: bool | None = None
    training_data: str = ""


class ValidationSettings(Strict):
    """A set that a network is evaluated on while it is trained."""

    name: Annotated[str, AfterValidator(valid_title)]
    """Also of the file of its embeddings, so it is never a path."""
    every: Annotated[int, Field(ge=0)] = 0
    """Steps between evaluations; 0 evaluates only before the first step and after the last."""


class Training(Strict):
    """A recipe: everything that the result of a training follows from."""

    name: Name
    seed: Annotated[int, Field(ge=0)] = 1
    optimizer: OptimizerSettings
    schedule: ScheduleSettings
    run: RunSettings = RunSettings()
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
