"""One step of a training: forward, loss, backward, and the update of backbone and class centres.

Also finds out where a number that is none came from. Owns no data, no schedule and no files.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from mien.errors import RecipeError
from mien.train.distributed import World
from mien.train.network import unsynchronized
from mien.train.norms import freeze
from mien.train.optimize import LossScale, gradient_norm, set_rate
from mien.train.order import mix_seeds
from mien.train.preprocess import prepare
from mien.train.recognizers.backbones.backbone import Backbone
from mien.train.recognizers.dataset import CropBatch
from mien.train.recognizers.embed import embed
from mien.train.recognizers.partial_fc import PartialFC
from mien.train.recognizers.recipe import Recipe
from mien.train.task import Outcome


@dataclass(slots=True, eq=False)
class Trained:
    """Everything that a step changes, and what it needs.

    Attributes:
        backbone: the network.
        model: the network as it is called: compiled, wrapped for several processes, or itself.
        head: the class centres.
        optimizer: of the backbone.
        scale: of the loss.
        anchor: the network as it was before fine-tuning, where its embeddings hold the new ones.
    """

    backbone: Backbone
    model: nn.Module
    head: PartialFC
    optimizer: torch.optim.Optimizer
    scale: LossScale
    anchor: Backbone | None = None


def make_step(trained: Trained, batch: CropBatch, rate: float, recipe: Recipe, world: World) -> Outcome:
    """Train on one batch; nothing is changed where the outcome is not finite.

    Raises:
        RecipeError: a label that no class has.
    """
    run, head = recipe.run, trained.head
    if batch.everyone.min() < 0 or batch.everyone.max() >= head.classes:
        raise RecipeError(
            f"step {batch.step + 1}: a label of {batch.everyone.min()} to {batch.everyone.max()} is out of range for "
            f"{head.classes} classes; the pack was changed while it was read, so check it with `mien data check`"
        )
    # Chance follows from seed, step and rank, so a resumed training throws the same dice.
    torch.manual_seed(mix_seeds(recipe.seed, batch.step, world.rank))
    trained.model.train()
    if recipe.init is not None and recipe.init.norms == "freeze":
        freeze(trained.model)
    head.choose(torch.from_numpy(batch.everyone).to(world.device), batch.step)
    pixels = prepare(batch.crops, trained.backbone.pixels, world.device, channels_last=run.channels_last)
    labels = torch.from_numpy(batch.labels).to(world.device)
    trained.optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), device=world.device)
    parts = list(zip(pixels.chunk(run.accumulate), labels.chunk(run.accumulate), strict=True))
    for number, (part, wanted) in enumerate(parts, start=1):
        last = number == len(parts)
        with unsynchronized(trained.model, last):
            embeddings = embed(trained.model, part, run.precision, world.device)
            loss = head.loss(embeddings, wanted) + _held(trained, part, embeddings, recipe)
            total += loss.detach() / len(parts)
            (loss * (trained.scale.value / len(parts))).backward()  # type: ignore[no-untyped-call]
    return _update(trained, rate, recipe, world, total)


def _held(trained: Trained, pixels: Tensor, embeddings: Tensor, recipe: Recipe) -> Tensor | float:
    """How far unit-length embeddings have moved from what they were: the mean squared distance, times its weight."""
    if trained.anchor is None or recipe.init is None:
        return 0.0
    with torch.no_grad():
        before = embed(trained.anchor, pixels, recipe.run.precision, pixels.device)
    moved = (F.normalize(embeddings) - F.normalize(before)).square().sum(dim=1).mean()
    return recipe.init.anchor * moved


def _update(trained: Trained, rate: float, recipe: Recipe, world: World, total: Tensor) -> Outcome:
    head, scale = trained.head, trained.scale
    if scale.value != 1:
        scale.undo(trained.backbone)
        head.scale_gradient(1 / scale.value)
    norm = gradient_norm(trained.backbone, recipe.optimizer.clip)
    bad = torch.zeros((), device=world.device)
    if head.gradient is not None:
        bad = (~torch.isfinite(head.gradient.sum())).float()
    # The norm is equal on all ranks, the centres' gradients are not.
    good = bool(torch.isfinite(norm) & (world.maximum(bad) == 0))
    if trained.anchor is not None:
        # Each rank has held its own embeddings only.
        total = world.sum(total) / world.size
    outcome = scale.judge(float(total), float(norm), good=good)
    if outcome.finite and not outcome.overflowed:
        set_rate(trained.optimizer, rate)
        trained.optimizer.step()
        head.step(rate)
    return outcome


def first_fault(trained: Trained, batch: CropBatch, precision: str, device: torch.device) -> str:
    """The first layer that gives what is no number, in words."""
    for name, parameter in trained.backbone.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            return f"the weights of {name} are not finite"
    if not bool(torch.isfinite(trained.head.weight).all()):
        return "the class centres are not finite"
    found: list[str] = []

    def look(name: str) -> object:
        def hook(module: nn.Module, inputs: object, output: object) -> None:
            if not found and isinstance(output, Tensor) and not bool(torch.isfinite(output).all()):
                found.append(f"the first layer whose output is not finite is {name}")

        return hook

    leaves = [(name, module) for name, module in trained.backbone.named_modules() if not list(module.children())]
    handles = [module.register_forward_hook(look(name)) for name, module in leaves]
    try:
        with torch.no_grad():
            embed(trained.backbone, prepare(batch.crops, trained.backbone.pixels, device), precision, device)
    finally:
        for handle in handles:
            handle.remove()
    if found:
        return found[0]
    faulty = [
        n for n, p in trained.backbone.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()
    ]
    if faulty:
        return (
            f"the outputs are finite, and the gradient of {faulty[-1]} is the first in the backward pass that is not"
        )
    return "the network's outputs are finite; the head's loss or its centres' gradient is not"
