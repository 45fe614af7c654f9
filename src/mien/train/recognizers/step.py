"""One step of a recognizer's training: forward, loss, backward, and the update of backbone and class centres.

Owns no data, no schedule and no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from mien.errors import RecipeError
from mien.train.compute.distributed import World
from mien.train.compute.network import OFF, unsynchronized
from mien.train.compute.norms import freeze, freeze_norms_of_stages
from mien.train.compute.optimize import LossScale, Outcome, gradient_norm, read_step, set_rate
from mien.train.compute.order import Indices, mix_seeds
from mien.train.compute.preprocess import prepare
from mien.train.recipe.settings import RunSettings
from mien.train.recognizers.backbones.backbone import Backbone
from mien.train.recognizers.dataset import CropBatch
from mien.train.recognizers.distillation import Distiller, Targets
from mien.train.recognizers.embed import embed
from mien.train.recognizers.partial_fc import PartialFC
from mien.train.recognizers.recipe import RecognizerRecipe


@dataclass(slots=True, eq=False, kw_only=True)
class Learner:
    """Everything that a step changes, and what it needs.

    Attributes:
        backbone: the network.
        model: the network as it is called: compiled, wrapped for several processes, or itself.
        head: the class centres.
        optimizer: of the backbone.
        scale: of the loss.
        anchor: the network as it was before fine-tuning, if the recipe keeps embeddings near the old ones.
        frozen: stages that keep their weights and the statistics of their BatchNorms.
        distiller: what the network learns of a teacher, if the recipe has one.
        way: how `model` is compiled: a mode of torch.compile, or `off`.
    """

    backbone: Backbone
    model: nn.Module
    head: PartialFC
    optimizer: torch.optim.Optimizer
    scale: LossScale
    anchor: Backbone | None = None
    frozen: tuple[int, ...] = ()
    distiller: Distiller | None = None
    way: str = OFF


def make_step(
    learner: Learner, batch: CropBatch, rate: float, recipe: RecognizerRecipe, world: World, *, stopping: bool = False
) -> Outcome:
    """Train on one batch; nothing is changed where the outcome is not finite.

    The host waits for the device once, when all that it has to know is computed.

    Args:
        learner: what is trained.
        batch: this process's share.
        rate: the learning rate.
        recipe: what to do.
        world: the processes that train together.
        stopping: whether this process was asked to stop; the outcome says whether any was.

    Raises:
        RecipeError: a label that no class has.
    """
    run, head = recipe.run, learner.head
    _require_classes(batch, head.classes)
    # Random numbers follow from seed, step and rank, so a resumed training draws the same.
    torch.manual_seed(mix_seeds(recipe.seed, batch.step, world.rank))
    learner.model.train()
    if recipe.init is not None and recipe.init.norms == "freeze":
        freeze(learner.model)
    if learner.frozen:
        freeze_norms_of_stages(learner.backbone, learner.frozen)
    head.choose(batch.everyone, batch.step)
    pixels = prepare(batch.crops, learner.backbone.spec, world.device, channels_last=run.channels_last)
    learner.optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), device=world.device)
    # (processes, parts, crops of a part): the labels of a part, over all processes.
    labels = batch.everyone.reshape(world.size, run.accumulate, -1)
    taught = _targets(learner, batch, run)
    for number, (part, targets) in enumerate(zip(pixels.chunk(run.accumulate), taught, strict=True)):
        with unsynchronized(learner.model, number == run.accumulate - 1):
            embeddings = embed(learner.model, part, run.precision, world.device)
            loss = _loss(learner, embeddings, labels[:, number].ravel(), targets)
            loss = loss + _anchored(learner, part, embeddings, recipe)
            total += loss.detach() / run.accumulate
            (loss * (learner.scale.value / run.accumulate)).backward()  # type: ignore[no-untyped-call]
    return _update(learner, rate, recipe, world, total, stopping=stopping)


def _require_classes(batch: CropBatch, classes: int) -> None:
    lowest, highest = batch.everyone.min(), batch.everyone.max()
    if lowest < 0 or highest >= classes:
        raise RecipeError(
            f"step {batch.step + 1}: a label of {lowest} to {highest} is out of range for {classes} classes; the "
            "pack was changed while it was read: check it with `mien data check`"
        )


def _targets(learner: Learner, batch: CropBatch, run: RunSettings) -> Sequence[Targets | None]:
    """What the teacher says of each part of a batch, if there is a teacher."""
    if learner.distiller is None:
        return [None] * run.accumulate
    return learner.distiller.targets(batch, run.accumulate, run.precision)


def _loss(learner: Learner, embeddings: Tensor, labels: Indices, targets: Targets | None) -> Tensor:
    """The head's loss, the teacher's, or both, with the recipe's weights."""
    if learner.distiller is None or targets is None:
        return learner.head.loss(embeddings, labels)
    taught, share = learner.distiller.loss(embeddings, targets), learner.distiller.settings.head
    return taught + share * learner.head.loss(embeddings, labels) if share else taught


def _anchored(learner: Learner, pixels: Tensor, embeddings: Tensor, recipe: RecognizerRecipe) -> Tensor | float:
    """Mean squared distance of unit-length embeddings from what they were before fine-tuning, times its weight."""
    if learner.anchor is None or recipe.init is None:
        return 0.0
    with torch.no_grad():
        before = embed(learner.anchor, pixels, recipe.run.precision, pixels.device)
    moved = (F.normalize(embeddings) - F.normalize(before)).square().sum(dim=1).mean()
    return recipe.init.anchor * moved


def _update(
    learner: Learner, rate: float, recipe: RecognizerRecipe, world: World, total: Tensor, *, stopping: bool
) -> Outcome:
    head, scale = learner.head, learner.scale
    if scale.value != 1:
        scale.undo(learner.backbone)
        head.scale_gradient(1 / scale.value)
    norm = gradient_norm(learner.backbone, recipe.optimizer.clip)
    # The norm is equal on all ranks, the centres' gradients are not.
    bad = (~torch.isfinite(norm)).float()
    if head.gradient is not None:
        bad = bad + (~torch.isfinite(head.gradient.sum())).float()
    if learner.anchor is not None or learner.distiller is not None:
        # Each rank has compared only its own embeddings with the old ones, or with the teacher's.
        total = world.sum(total) / world.size
    found = read_step(torch.stack([total, norm.float()]), bad, world, stopping=stopping)
    outcome = scale.outcome(*found.values, good=found.good, stopping=found.stopping)
    if outcome.finite and not outcome.overflowed:
        set_rate(learner.optimizer, rate)
        learner.optimizer.step()
        head.step(rate)
    return outcome
