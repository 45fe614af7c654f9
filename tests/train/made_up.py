"""Recipes and readings that several test files share; conftest.py puts this folder on the path."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from forks import Forked, Forks
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.kinds import parse_recipe
from mien.train.recognizers.backbones.backbone import Backbone, BackboneInput, BackboneKind, WeightLayout
from mien.train.recognizers.backbones.mobilefacenet import Chain, Inverted, MobileConvolution
from mien.train.recognizers.recipe import RecognizerRecipe
from mien.train.run import checkpoint
from mien.train.run.journal import read_journal

STEPS = 6


class Tiny(Backbone):
    """The parts of MobileFaceNet with a hundredth of its work, for what does not depend on the network."""

    STAGES = (("conv1.",), ("conv_23.", "conv_3."), ("linear.", "bn."))
    spec = BackboneInput()

    def __init__(self, embedding: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.conv1 = MobileConvolution(3, 8, 7, 4)
        self.conv_23 = Inverted(8, 16, 16, 2, residual=False)
        self.conv_3 = Chain(16, 16, 1)
        self.dropout = torch.nn.Dropout(dropout)
        self.linear = torch.nn.Linear(16 * 14 * 14, embedding, bias=False)
        self.bn = torch.nn.BatchNorm1d(embedding)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.through(self.conv_3, self.through(self.conv_23, self.conv1(x)))
        return self.bn(self.linear(self.dropout(x.flatten(1))))


TINY = BackboneKind(Tiny, WeightLayout("conv_23.conv.conv.weight", "linear.weight", "made up"))


def recognizer_recipe(pack: Path, **changes: dict[str, Any] | list[Any]) -> RecognizerRecipe:
    """A recipe of a few steps; sections are merged with the changes."""
    content: dict[str, Any] = {
        "name": "made-up",
        "data": {"sets": [str(pack)]},
        "model": {"backbone": "mobilefacenet", "embedding": 32},
        "head": {"name": "arcface", "scale": 16.0, "margin": 0.2},
        "optimizer": {"rate": 0.05, "rate_batch": 8},
        "schedule": {"batch": 8, "steps": STEPS},
        "run": {"precision": "f32", "save_every": 2, "device": "cpu"},
    }
    for section, values in changes.items():
        content[section] = content.get(section, {}) | values if isinstance(values, dict) else values
    return parse_recipe(content, "made-up")


def tuning_recipe(pack: Path, weights: Path, **init: Any) -> RecognizerRecipe:
    return parse_recipe(
        {
            "name": "tuned",
            "data": {"sets": [str(pack)]},
            "model": {"backbone": "mobilefacenet", "embedding": 32},
            "head": {"scale": 16.0, "margin": 0.2},
            "optimizer": {"rate": 0.01, "rate_batch": 8},
            "schedule": {"batch": 8, "steps": 4},
            "run": {"precision": "f32", "device": "cpu"},
            "init": {"weights": str(weights), **init},
            "evaluate": [{"name": "own", "set": str(pack), "role": "own"}],
            "about": {"licence": "ours", "commercial_use": True},
        },
        "tuned",
    )


def detector_recipe(scenes: Path, **changes: object) -> DetectorRecipe:
    content: dict[str, object] = {
        "name": "tiny",
        "data": {"sets": [str(scenes)]},
        "detector": {"name": "scrfd-500m", "side": 128},
        "augment": {"smallest": 0.6, "largest": 1.2},
        "optimizer": {"name": "adamw", "rate": 2e-3, "rate_batch": 8, "weight_decay": 0.01},
        "schedule": {"batch": 8, "steps": 6},
        "run": {"save_every": 3, "precision": "f32", "threads": 1},
        **changes,
    }
    found = parse_recipe(content, "test")
    assert isinstance(found, DetectorRecipe)
    return found


def shortest_recipe(**changes: object) -> dict[str, object]:
    """The shortest recipe, with changes."""
    return {
        "name": "a",
        "data": {"sets": ["x"]},
        "model": {"backbone": "mobilefacenet"},
        "optimizer": {"rate": 0.1},
        "schedule": {"batch": 8, "steps": 2},
        **changes,
    }


def losses_of(folder: Path) -> list[float]:
    return [line["loss"] for line in read_journal(folder / "log.jsonl") if "loss" in line]


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    newest = checkpoint.latest(folder / "checkpoints")
    assert newest is not None
    return newest.state["weights"]  # type: ignore[no-any-return]


def start_training(forks: Forks, recipe: Path, out: Path) -> "Forked | subprocess.Popen[bytes]":
    """A training in a group of its own, so that a test can signal it with all that it has started."""
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    return forks.start(["-m", "mien", "train", str(recipe), "--out", str(out)], out.with_suffix(".said"), environment)


def wait_for_steps(process: "Forked | subprocess.Popen[bytes]", folder: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(losses_of(folder)) < count:
        assert process.poll() is None, "the training ended early"
        assert time.monotonic() < deadline, "the training is too slow"
        time.sleep(0.02)


def boxes(seed: int, count: int, side: float = 200) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * side * 0.6
    return torch.cat([corner, corner + 8 + torch.rand(count, 2, generator=generator) * side * 0.4], dim=1)


def overlap_by_hand(a: list[float], b: list[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def with_statistics(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """The module at rest, with random weights and statistics in all of its BatchNorms and PReLUs."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            assert part.running_mean is not None and part.running_var is not None
            part.running_mean.copy_(torch.randn(part.num_features, generator=generator))
            part.running_var.copy_(torch.rand(part.num_features, generator=generator) + 0.5)
        for parameter in part.parameters(recurse=False):
            with torch.no_grad():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return module.eval().requires_grad_(False)


def batch_norm_by_hand(x: torch.Tensor, norm: torch.nn.Module) -> torch.Tensor:
    """A BatchNorm at rest."""
    mean, var, weight, bias = (
        part.reshape(1, -1, *[1] * (x.ndim - 2))
        for part in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return (x - mean) / (var + norm.eps).sqrt() * weight + bias


def prelu_by_hand(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.where(x > 0, x, x * weight.reshape(1, -1, 1, 1))


def counted(name: str) -> tuple[int, int]:
    """Tensors in the state_dict and parameters of a backbone with embeddings of 512 numbers; nothing is allocated."""
    from mien.train.recognizers.backbones.registry import build

    with torch.device("meta"):
        backbone = build(name, 512)
    return len(backbone.state_dict()), sum(p.numel() for p in backbone.parameters())


def shapes_of(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of every weight by its name."""
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def random_state(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights of these shapes under which no layer's output vanishes or explodes."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            state[name] = torch.rand(shape, generator=generator) * 0.4 + 0.6
        else:
            inputs = torch.Size(shape[1:]).numel() if len(shape) > 1 else 25
            state[name] = torch.randn(shape, generator=generator) / inputs**0.5
    return state


def norm_by_name(x: torch.Tensor, state: dict[str, torch.Tensor], name: str, epsilon: float = 1e-5) -> torch.Tensor:
    """A BatchNorm at rest, by the names of its weights; it may have no weight and bias."""
    form = (1, -1, *[1] * (x.ndim - 2))
    out = (x - state[f"{name}.running_mean"].reshape(form)) / (
        state[f"{name}.running_var"].reshape(form) + epsilon
    ).sqrt()
    if f"{name}.weight" in state:
        out = out * state[f"{name}.weight"].reshape(form) + state[f"{name}.bias"].reshape(form)
    return out
