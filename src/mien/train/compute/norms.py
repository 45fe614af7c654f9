"""BatchNorm over the batches of all processes, on any device; torch's own works only on GPUs.

With it, a step on several processes is the step of one process with the whole batch. Also freezes BatchNorms.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from mien.train.compute.distributed import World
from mien.train.compute.network import Staged

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class SynchronizedBatchNorm(nn.Module):
    """A BatchNorm's weights and statistics, with mean and variance over all processes."""

    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d, world: World) -> None:
        super().__init__()
        self.eps, self.momentum, self.world = norm.eps, norm.momentum or 0.1, world
        self.weight, self.bias = norm.weight, norm.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) to the same."""
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        axes = [0, *range(2, x.ndim)]
        wide = x.float()
        count = self.world.size * wide.numel() // wide.shape[1]
        mean = self.world.sum_with_gradient(wide.sum(axes)) / count
        shape = (1, -1, *(1,) * (x.ndim - 2))
        centred = wide - mean.view(shape)
        variance = self.world.sum_with_gradient(centred.square().sum(axes)) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        out = centred * (variance + self.eps).rsqrt().view(shape)
        if self.weight is not None and self.bias is not None:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(x.dtype)


def synchronize(network: nn.Module, world: World) -> None:
    """Replace every BatchNorm in a network, in place; weights and statistics stay the same tensors."""
    for name, child in list(network.named_children()):
        if isinstance(child, NORMS):
            setattr(network, name, SynchronizedBatchNorm(child, world))
        else:
            synchronize(child, world)


def freeze(network: nn.Module) -> None:
    """Let BatchNorms use the statistics that they have, until the network is set to train again."""
    for module in network.modules():
        if isinstance(module, (*NORMS, SynchronizedBatchNorm)):
            module.eval()


def freeze_norms_of_stages(network: Staged, stages: tuple[int, ...]) -> None:
    """Let the BatchNorms of some stages use the statistics that they have; see freeze."""
    for name, module in network.named_modules():
        if isinstance(module, (*NORMS, SynchronizedBatchNorm)) and network.stage_of(f"{name}.running_mean") in stages:
            module.eval()
