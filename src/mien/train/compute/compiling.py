"""Whether and how a network is compiled: the fastest way on this card at this batch, measured once and kept.

Measures a copy of the network with made-up pixels. Trains nothing and knows no layout.
"""

import json
import time
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from mien.models import store
from mien.train.compute.distributed import World
from mien.train.compute.network import OFF, compiled, computed_in
from mien.train.recipe.settings import RunSettings
from mien.whole_files import make_folder, write_whole_text

WARM_UP, TIMED = 3, 6
"""Steps of each way before the timed ones, in which it compiles, and timed steps."""


MIN_STEPS = 2000
"""Steps of a training from which on compiling saves more time than it takes: a minute, at 32 ms per step (IR-50 at a
batch of 512 on an H100)."""


def candidates(run: RunSettings, world: World, steps: int) -> tuple[str, ...]:
    """The ways that a recipe leaves open: those of torch.compile, or off; short trainings are not compiled.

    CUDA graphs ("reduce-overhead") keep gradients in memory of their own, which neither several parts of a batch nor
    several processes can share.
    """
    if run.compile != "auto":
        return (run.compile,)
    if world.device.type != "cuda" or steps < MIN_STEPS:
        return (OFF,)
    graphs = run.accumulate == 1 and world.size == 1 and not run.recompute
    return (OFF, "default", "reduce-overhead") if graphs else (OFF, "default")


def fastest_way(
    network: nn.Module, shape: tuple[int, int, int, int], run: RunSettings, world: World, steps: int
) -> str:
    """Choose a way to call a network: `off`, or a mode of torch.compile.

    The first process measures, all follow. What was measured is kept in compiled.json, next to the models, for each
    card, version of torch, network, batch and precision.

    Args:
        network: on its device.
        shape: of a part of a batch, as it goes through the network.
        run: of the recipe.
        world: the processes that train together.
        steps: of the whole training.
    """
    ways = candidates(run, world, steps)
    if len(ways) == 1:
        return ways[0]
    number = ways.index(_kept_or_measured(network, shape, run, world.device, ways)) if world.rank == 0 else 0
    if world.size > 1:
        number = int(world.sum(torch.tensor(number, device=world.device)))
    return ways[number]


def _kept_or_measured(
    network: nn.Module,
    shape: tuple[int, int, int, int],
    run: RunSettings,
    device: torch.device,
    ways: tuple[str, ...],
) -> str:
    path = store.home() / "compiled.json"
    size = sum(parameter.numel() for parameter in network.parameters())
    words = (torch.cuda.get_device_name(device), torch.__version__, type(network).__name__, size, *shape)
    key = " ".join(map(str, (*words, run.precision, run.channels_last, run.recompute, *ways)))
    kept = _kept(path)
    if kept.get(key) not in ways:
        seconds = {way: seconds_per_step(network, way, shape, run, device) for way in ways}
        kept[key] = min(seconds, key=seconds.__getitem__)
        # Where nothing can be written, the next training measures again; this one, for which others wait, goes on.
        with suppress(OSError):
            make_folder(path.parent)
            write_whole_text(path, json.dumps(kept, indent=1))
    return kept[key]


def _kept(path: Path) -> dict[str, str]:
    """What was measured before; a file that cannot be read is measured again."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def seconds_per_step(
    network: nn.Module, way: str, shape: tuple[int, int, int, int], run: RunSettings, device: torch.device
) -> float:
    """Time forward and backward of a copy of a network; infinite where this way does not work here."""
    copy = deepcopy(network).train()
    pixels = torch.rand(shape, device=device)
    if run.channels_last:
        pixels = pixels.to(memory_format=torch.channels_last)
    took = []
    try:
        model = compiled(copy, way)
        for _ in range(WARM_UP + TIMED):
            start = time.perf_counter()
            _pass(model, pixels, run.precision)
            copy.zero_grad(set_to_none=True)
            took.append(time.perf_counter() - start)
    except Exception:  # noqa: BLE001 - a compiler that is missing or fails leaves the other ways
        return float("inf")
    finally:
        torch.compiler.reset()
    return median(took[WARM_UP:])


def _pass(model: nn.Module, pixels: Tensor, precision: str) -> None:
    with computed_in(precision, pixels.device):
        loss = model(pixels).float().square().mean()
    loss.backward()
    # Waits until the device is done.
    loss.item()
