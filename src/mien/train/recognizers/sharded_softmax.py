"""Softmax, its gradient and products over class centres that are spread over ranks, in little memory.

Numbers are float32. A rank has the logits of its own classes for the samples of all ranks; `place` says in which
column the class of a sample is, and `own` for which samples that column is their class, None if it is for all. Holds
no centres, and waits for no device.
"""

from typing import Any

import torch
from torch import Tensor

from mien.train.compute.distributed import World


def product_bf16(a: Tensor, b: Tensor) -> Tensor:
    """a b^T in float32, with inputs rounded to bfloat16, in the backward pass too.

    Args:
        a: (N, D) float32.
        b: (C, D) float32.
    """
    product: Tensor = _ProductBf16.apply(a, b)  # type: ignore[no-untyped-call]
    return product


def pick(matrix: Tensor, place: Tensor) -> Tensor:
    """One number of each row: (N,). Unlike `gather`, it keeps no hold of the matrix, which may be overwritten.

    Args:
        matrix: (N, C).
        place: (N, 1) columns.
    """
    picked: Tensor = _Pick.apply(matrix, place)  # type: ignore[no-untyped-call]
    return picked


def only(values: Tensor, own: Tensor | None) -> Tensor:
    """The values of samples whose class this rank has, and zero for the others, in memory of their own."""
    return values.clone() if own is None else torch.where(own, values, 0)


def cross_entropy(
    logits: Tensor, wanted: Tensor, place: Tensor, own: Tensor | None, scale: float, world: World
) -> Tensor:
    """The mean over samples of log(sum_j exp(s z_j)) - s z_y, equal on all ranks.

    Args:
        logits: (N, C) z of this rank's classes; they are overwritten.
        wanted: (N,) z_y, which replace the logits in their places.
        place: (N, 1) columns of the samples' classes.
        own: (N,) whether this rank has the class; None if it has all.
        scale: s.
        world: the ranks.
    """
    loss: Tensor = _CrossEntropy.apply(logits, wanted, place, own, scale, world)  # type: ignore[no-untyped-call]
    return loss


class _ProductBf16(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:  # noqa: ANN401
        a, b = a.bfloat16(), b.bfloat16()
        ctx.save_for_backward(a, b)
        return _product(a, b.T)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        a, b = ctx.saved_tensors
        gradient = gradient.bfloat16()
        return _product(gradient, b), _product(gradient.T, a)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """The product of two bfloat16 matrices in float32; processors have no such product, and widen their inputs."""
    return torch.mm(a, b, out_dtype=torch.float32) if a.is_cuda else a.float() @ b.float()


class _Pick(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor, place: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(place)
        ctx.shape = matrix.shape
        return matrix.gather(1, place).squeeze(1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        (place,) = ctx.saved_tensors
        return gradient.new_zeros(ctx.shape).scatter_(1, place, gradient[:, None]), None


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        logits: Tensor,
        wanted: Tensor,
        place: Tensor,
        own: Tensor | None,
        scale: float,
        world: World,
    ) -> Tensor:
        target = world.sum(only(wanted, own))
        kept = wanted if own is None else torch.where(own, wanted, logits.gather(1, place).squeeze(1))
        # Nobody else uses the logits, so their memory becomes the softmax.
        logits.scatter_(1, place, kept[:, None])
        top = world.maximum(logits.amax(dim=1))
        shares = logits.sub_(top[:, None]).mul_(scale).exp_()
        total = world.sum(shares.sum(dim=1))
        shares.div_(total[:, None])
        ctx.save_for_backward(place, own)
        ctx.shares, ctx.scale = shares, scale
        return (total.log() + (top - target) * scale).mean()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None, None]:  # noqa: ANN401
        place, own = ctx.saved_tensors
        change: Tensor = ctx.shares
        ctx.shares = None
        at_place = change.gather(1, place)
        of_target = at_place.squeeze(1) - 1
        factor = gradient * ctx.scale / len(change)
        if own is None:
            change.scatter_(1, place, 0)
        else:
            of_target = torch.where(own, of_target, 0)
            change.scatter_(1, place, torch.where(own[:, None], 0, at_place))
        return change.mul_(factor), of_target * factor, None, None, None, None
