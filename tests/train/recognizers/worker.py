"""One process of a test that needs several: takes three steps of every head on its share, and writes what came out.

Run by tests, with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT set: worker.py FOLDER.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from mien.train.compute.distributed import World, joined
from mien.train.compute.network import callable_network
from mien.train.compute.norms import SynchronizedBatchNorm
from mien.train.recipe.settings import RunSettings
from mien.train.recognizers.heads import HEADS
from mien.train.recognizers.partial_fc import CentreUpdate, PartialFC

CLASSES, EMBEDDING, BATCH, STEPS = 37, 16, 16, 3


def inputs(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The global batch of a step: embeddings of different lengths, labels."""
    generator = torch.Generator().manual_seed(100 + step)
    embeddings = torch.randn(BATCH, EMBEDDING, generator=generator) * torch.rand(BATCH, 1, generator=generator) * 20
    return embeddings, torch.randint(0, CLASSES, (BATCH,), generator=generator)


def run_head(name: str, world: World, kind: str = "sgd", rate: float = 1.0) -> dict[str, torch.Tensor]:
    """Losses, embedding gradients and centres of a head after a few steps."""
    head = PartialFC(HEADS[name](), CLASSES, EMBEDDING, world, rate=rate, update=CentreUpdate(kind), seed=3)
    losses, gradients = [], []
    for step in range(STEPS):
        embeddings, labels = inputs(step)
        first, last = world.slice_of(BATCH)
        mine = embeddings[first:last].requires_grad_()
        head.choose(labels.numpy(), step)
        loss = head.loss(mine, labels.numpy())
        loss.backward()
        losses.append(loss.detach())
        gradients.append(mine.grad / world.size)
        head.step(0.1)
    return {"losses": torch.stack(losses), "gradients": torch.stack(gradients), "centres": head.weight}


def run_norm(world: World) -> dict[str, torch.Tensor]:
    """Output and gradient of BatchNorm over the batches of all processes."""
    torch.manual_seed(0)
    x = torch.randn(BATCH, 5, 4, 3)
    norm = torch.nn.BatchNorm2d(5)
    torch.nn.init.normal_(norm.weight)
    both = SynchronizedBatchNorm(norm, world)
    first, last = world.slice_of(BATCH)
    mine = x[first:last].requires_grad_()
    out = both(mine)
    (out * torch.arange(BATCH).view(-1, 1, 1, 1)[first:last]).sum().backward()
    return {"out": out.detach(), "gradient": mine.grad, "mean": both.running_mean, "variance": both.running_var}


def run_exchange(world: World, run: RunSettings) -> torch.Tensor:
    """The gradient of a layer whose processes see different inputs."""
    torch.manual_seed(0)
    layer, x = torch.nn.Linear(6, 3, bias=False), torch.randn(BATCH, 6)
    model = callable_network(layer, run, world)
    first, last = world.slice_of(BATCH)
    for _ in range(2):
        layer.weight.grad = None
        model(x[first:last]).square().mean().backward()
    return layer.weight.grad


def gather_uneven(world: World) -> torch.Tensor:
    """As many rows as the rank's number from every process; the first has none."""
    rows = np.arange(3 * world.rank, dtype=np.float32).reshape(-1, 3) + 100 * world.rank
    return torch.from_numpy(world.gather_rows(rows))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined("cpu") as world:
        found = {name: run_head(name, world) for name in HEADS}
        found["adamw"] = run_head("arcface", world, "adamw")
        found["sampled"] = run_head("arcface", world, rate=0.6)
        found["norm"] = run_norm(world)
        found["exchange"] = {
            "f32": run_exchange(world, RunSettings()),
            "static": run_exchange(world, RunSettings(static_graph=True)),
        }
        found["rows"] = gather_uneven(world)
    torch.save(found, Path(sys.argv[1]) / f"{world.rank}.pt")
