"""Partial FC: the class centres, sharded over ranks, sampled at a rate, and the softmax over all of them.

An et al., Killing Two Birds with One Stone, CVPR 2022. Every rank has the centres of its share of the classes and
sees the embeddings of all ranks. At rate 1, loss and gradients are those of one softmax over all classes, for any
number of ranks. Below 1, each step uses the classes of the batch and a random choice of others; only those rows are
read and changed, and only their momentum moves. Everything is float32, also under autocast, but the inputs of the
products with the centres where a recipe says so. No step waits for the device: what the host has to know, it computes
from the labels, which it has.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from mien.train.compute.distributed import World, slice_of
from mien.train.compute.order import Indices, mix_seeds
from mien.train.compute.preprocess import send
from mien.train.recipe.optimizers import OPTIMIZERS, Rows
from mien.train.recognizers.class_choice import BLOCK, choose_classes
from mien.train.recognizers.heads import Head
from mien.train.recognizers.sharded_softmax import cross_entropy, only, pick, product_bf16

SHORTEST = 1e-12
"""Minimum length that a centre is divided by."""

DEVIATION = 0.01
"""Standard deviation of the first centres' numbers (arcface_torch)."""


@dataclass(frozen=True, slots=True)
class CentreUpdate:
    """How class centres follow their gradients.

    Attributes:
        optimizer: a name of mien.train.recipe.optimizers.OPTIMIZERS.
        momentum: weight of the past in the running mean of gradients.
        weight_decay: of the rows that take part in a step.
    """

    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 5e-4


class PartialFC:
    """The centres of this rank's classes and a head over all ranks' centres."""

    def __init__(
        self,
        head: Head,
        classes: int,
        embedding: int,
        world: World,
        *,
        rate: float = 1.0,
        update: CentreUpdate = CentreUpdate(),
        seed: int = 0,
        bf16: bool = False,
    ) -> None:
        """Make the centres of a rank.

        Args:
            head: what is done to the cosines.
            classes: of all ranks.
            embedding: numbers of an embedding.
            world: the ranks.
            rate: share of the classes that take part in a step.
            update: how the centres move.
            seed: of the first centres and of the choice of classes.
            bf16: round the inputs of the products of embeddings and centres to bfloat16; sums stay float32.
        """
        self.head, self.classes, self.embedding, self.world = head, classes, embedding, world
        self.bf16 = bf16
        self.rate, self.update, self.seed = rate, update, seed
        self._optimizer = OPTIMIZERS[update.optimizer]
        self.first, self.last = slice_of(classes, world.rank, world.size)
        self.weight = first_centres(self.first, self.last, head.centres, embedding, seed).to(world.device)
        """(classes of this rank, centres of a class, embedding)"""
        self.moments = [torch.zeros_like(self.weight) for _ in range(self._optimizer.moments)]
        self.counts = torch.zeros(len(self.weight) if self._optimizer.counts else 0, device=world.device)
        self._index: Tensor | None = None
        self._rows = self.weight

    def choose(self, labels: Indices, step: int) -> None:
        """Begin a step by choosing the rows that take part; the device is not waited for.

        Args:
            labels: (B,) of the whole global batch of the step.
            step: fixes the choice, together with seed and labels, however the classes are shared out.
        """
        if self.rate >= 1:
            self._index = None
            # A view of the storage, so that the gradient of the step goes to a leaf of its own.
            self._rows = self.weight.detach().requires_grad_()
            return
        own, numbers = (self.first, self.last), (self.seed, step)
        shown = choose_classes(np.unique(labels), self.classes, self.rate, numbers, own, self.weight.device)
        self._index = shown
        self._rows = self.weight[shown].requires_grad_()

    def loss(self, embeddings: Tensor, labels: Indices) -> Tensor:
        """Compute the mean loss over the batches of all ranks; call `choose` first.

        Args:
            embeddings: (B, D) of this rank.
            labels: (N,) classes of the embeddings of all ranks, in the ranks' order, 0 to classes - 1.

        Returns:
            A scalar, equal on all ranks; embeddings get their gradient times the number of ranks, as
            DistributedDataParallel averages.
        """
        world, head = self.world, self.head
        with torch.autocast(embeddings.device.type, enabled=False):
            everyone = world.gather_with_gradient(embeddings.float())
            place, own = self._places(labels)
            logits = self._logits(everyone)
            cosine = pick(logits, place)
            target = world.sum(only(cosine.detach(), own))
            head.watch(target, everyone.detach().norm(dim=1))
            others = head.of_others(logits, target)
            # The cross entropy overwrites them, and these may be what a gradient follows from.
            others = others.clone() if others is not logits or head.centres > 1 else others
            wanted = head.of_target(cosine, torch.arange(len(cosine), device=cosine.device))
            return cross_entropy(others, wanted, place, own, head.scale, world)

    def _places(self, labels: Indices) -> tuple[Tensor, Tensor | None]:
        """(N, 1) columns of the classes, and (N,) whether this rank has them; None if it has all."""
        device, here = self.weight.device, (labels >= self.first) & (labels < self.last)
        place = send(np.where(here, labels - self.first, 0), device)
        if self._index is not None:
            place = torch.searchsorted(self._index, place)
        return place[:, None], None if self.world.size == 1 else send(here, device)

    def _logits(self, embeddings: Tensor) -> Tensor:
        """(N, rows) cosines, or inner products; of the nearest centre if a class has several."""
        rows = self._rows.flatten(0, 1)
        inputs = F.normalize(embeddings) if self.head.normalized else embeddings
        logits = product_bf16(inputs, rows) if self.bf16 else F.linear(inputs, rows)
        if self.head.normalized:
            # Dividing the products by the centres' lengths needs no second copy of all centres.
            logits = logits / rows.norm(dim=1).clamp(min=SHORTEST)
        if self.head.centres > 1:
            logits = logits.view(len(logits), -1, self.head.centres).amax(dim=2)
        return logits

    @property
    def gradient(self) -> Tensor | None:
        """Gradient of the rows of this step."""
        return self._rows.grad

    def scale_gradient(self, factor: float) -> None:
        """Multiply the rows' gradient."""
        if self._rows.grad is not None:
            self._rows.grad.mul_(factor)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the rows of this step by their gradient, each with its own momentum.

        Args:
            rate: the learning rate.
        """
        gradient = self._rows.grad
        if gradient is None:
            return
        index = slice(None) if self._index is None else self._index
        counts = self.counts[index] if self._optimizer.counts else self.counts
        rows = Rows(self.weight[index], [moment[index] for moment in self.moments], counts)
        self._optimizer.update_rows(rows, gradient, rate, self.update)
        if self._index is not None:
            # Indexing with numbers copies, so what was changed goes back.
            self.weight[index] = rows.weight
            for mine, changed in zip(self.moments, rows.moments, strict=True):
                mine[index] = changed
            if self._optimizer.counts:
                self.counts[index] = rows.counts
        self._rows = self.weight

    def state(self) -> dict[str, Any]:
        """This rank's part of a checkpoint."""
        return {
            "first": self.first,
            "last": self.last,
            "classes": self.classes,
            "weight": self.weight,
            "moments": self.moments,
            "counts": self.counts,
        }

    @torch.no_grad()
    def restore(self, parts: list[dict[str, Any]]) -> None:
        """Continue with the centres of a checkpoint, which may be of another number of ranks.

        Args:
            parts: each from `state`; together they have every class.
        """
        for part in parts:
            start, end = max(self.first, part["first"]), min(self.last, part["last"])
            if start >= end:
                continue
            here, there = (
                slice(start - self.first, end - self.first),
                slice(start - part["first"], end - part["first"]),
            )
            self.weight[here] = part["weight"][there].to(self.weight.device)
            for mine, theirs in zip(self.moments, part["moments"], strict=True):
                mine[here] = theirs[there].to(mine.device)
            if len(self.counts):
                self.counts[here] = part["counts"][there].to(self.counts.device)

    @torch.no_grad()
    def begin_at(self, means: Tensor) -> None:
        """Start every class at the mean embedding of its samples, at unit length.

        The head divides by a centre's length, so the gradient of a short centre is large: at the length of a random
        one, about 0.1, class means turn away by 31 degrees in 20 steps, and at unit length by 2 (docs/log.md).

        Args:
            means: (classes, D), of any length; classes whose mean is zero keep their random centre.
        """
        own = F.normalize(means[self.first : self.last].to(self.weight.device, torch.float32))
        known = own.norm(dim=1) > 0
        self.weight[known, 0] = own[known]


def first_centres(first: int, last: int, centres: int, embedding: int, seed: int) -> Tensor:
    """Random centres of some classes: (last - first, centres, embedding) float32, normal.

    Those of a block come from one seed, so that they do not depend on the number of ranks.
    """
    weight = torch.empty(last - first, centres, embedding)
    for block in range(first // BLOCK, -(-last // BLOCK)):
        generator = torch.Generator().manual_seed(mix_seeds(seed, block, -1))
        whole = torch.empty(BLOCK, centres, embedding).normal_(0, DEVIATION, generator=generator)
        start, end = max(first, block * BLOCK), min(last, (block + 1) * BLOCK)
        weight[start - first : end - first] = whole[start - block * BLOCK : end - block * BLOCK]
    return weight
