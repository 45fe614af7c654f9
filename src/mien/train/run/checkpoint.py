"""Checkpoints of a training: one folder per step, complete or absent.

`step-00002000/` has state.pt (network, optimizer, step, recipe, commit, classes) and one head-RANK-of-SIZE.pt per
process, with its share of the class centres. All processes write into one scratch folder, and the first moves it into
place, so the last checkpoint stays readable whatever happens. Files are read with torch's weights_only reader. The
position in the data is the step, and all random numbers follow from seed, step and rank, so nothing else is kept.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mien.errors import CheckpointError
from mien.train.compute.distributed import World
from mien.train.run.torch_file import load_file, require_numbers

FORMAT, VERSION = "mien checkpoint", 1


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """A checkpoint as it is read.

    Attributes:
        where: its folder.
        state: everything except the class centres.
        heads: the class centres, one part per process that wrote them.
    """

    where: Path
    state: dict[str, Any]
    heads: list[dict[str, Any]]

    @property
    def step(self) -> int:
        """Number of steps that were made."""
        return int(self.state["step"])

    def into(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Load weights and momentum into a network and its optimizer.

        Raises:
            CheckpointError: they are of another network.
        """
        try:
            network.load_state_dict(self.state["weights"])
        except RuntimeError as reason:
            raise self._of_another(reason) from reason
        self.into_optimizer(optimizer)

    def into_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Load momentum into a network's optimizer.

        Raises:
            CheckpointError: it is of another network.
        """
        try:
            optimizer.load_state_dict(self.state["optimizer"])
        except (RuntimeError, ValueError) as reason:
            raise self._of_another(reason) from reason

    def _of_another(self, reason: Exception) -> CheckpointError:
        return CheckpointError(f"{self.where} is of another network: {str(reason).splitlines()[0]}")


def checkpoints(folder: Path) -> list[Path]:
    """List the complete checkpoints of a run, the oldest first."""
    return sorted(path for path in folder.glob("step-*") if path.is_dir() and path.name[5:].isdigit())


def save(folder: Path, step: int, state: dict[str, Any], head: dict[str, Any], world: World, keep: int) -> Path:
    """Write a checkpoint; every process writes its own part, and the first moves it into place.

    Raises:
        CheckpointError: the disk is full, or the folder cannot be written; what was there before is still there.
    """
    place, partial = folder / f"step-{step:08d}", folder / f".step-{step:08d}.part"
    if world.rank == 0:
        # Left by a run that was killed here, perhaps one with more processes.
        shutil.rmtree(partial, ignore_errors=True)
    world.wait()
    fault = _write_own(partial, state, head, world)
    # Nobody moves a checkpoint into place that another process could not finish.
    failed = bool(world.maximum(torch.tensor(float(bool(fault)), device=world.device)))
    if world.rank == 0 and failed:
        shutil.rmtree(partial, ignore_errors=True)
    elif world.rank == 0:
        _move(partial, place, keep)
    world.wait()
    if failed:
        raise CheckpointError(_failure(folder, step, fault))
    return place


def _write_own(partial: Path, state: dict[str, Any], head: dict[str, Any], world: World) -> str:
    """Write this process's part; returns what went wrong, or empty."""
    try:
        partial.mkdir(parents=True, exist_ok=True)
        _write(partial / f"head-{world.rank:04d}-of-{world.size:04d}.pt", head)
        if world.rank == 0:
            _write(partial / "state.pt", {"format": FORMAT, "version": VERSION, **state})
    except (OSError, RuntimeError) as reason:
        # torch's writer hides the system's reason behind its own.
        return str(reason.__cause__ or reason.__context__ or reason).splitlines()[0]
    return ""


def _move(partial: Path, place: Path, keep: int) -> None:
    """Move a finished checkpoint into place, and drop all but the last few."""
    shutil.rmtree(place, ignore_errors=True)
    partial.rename(place)
    for old in checkpoints(place.parent)[:-keep]:
        shutil.rmtree(old)


def _failure(folder: Path, step: int, fault: str) -> str:
    """Say that a checkpoint could not be written, and from which one the training can continue."""
    last = next(reversed(checkpoints(folder)), None)
    remedy = "make room there"
    if last is not None:
        remedy = f"{last.name} is complete, and training continues from it once there is room"
    why = f": {fault}" if fault else " by another process"
    return f"the checkpoint of step {step} could not be written to {folder}{why}; {remedy}"


def _write(path: Path, content: dict[str, Any]) -> None:
    with path.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        os.fsync(stream.fileno())


def read(path: Path) -> Saved:
    """Read a checkpoint.

    Raises:
        CheckpointError: missing, damaged, of a later version, or without all parts of the head.
    """
    state = dict(load_file(path / "state.pt"))
    if state.get("format") != FORMAT or state.get("version") != VERSION:
        raise CheckpointError(
            f"{path} is not a checkpoint of version {VERSION}; use the version of mien that made it"
        )
    files = sorted(path.glob("head-*-of-*.pt"))
    if not files or len(files) != int(files[0].stem.split("-")[-1]):
        raise CheckpointError(f"{path} lacks parts of the class centres, it has {len(files)}: copy the whole folder")
    heads = [dict(load_file(file, in_place=True)) for file in files]
    _require_numbers(path, state, dict(zip(files, heads, strict=True)))
    return Saved(path, state, heads)


def _require_numbers(path: Path, state: Mapping[str, Any], heads: Mapping[Path, dict[str, Any]]) -> None:
    """Refuse a checkpoint whose weights, class centres or momentum are not numbers."""
    weights, optimizer = state.get("weights", {}), state.get("optimizer", {})
    if not isinstance(weights, Mapping) or not isinstance(optimizer, Mapping):
        raise CheckpointError(f"{path} holds no weights where they belong: copy the whole folder again")
    require_numbers(weights, path / "state.pt")
    for file, head in heads.items():
        require_numbers(head, file)
    for moments in optimizer.get("state", {}).values():
        require_numbers(moments, path / "state.pt", zeros=True)


def latest(folder: Path) -> Saved | None:
    """Read the newest checkpoint of a run that can be read; None if there is none.

    Raises:
        CheckpointError: there are checkpoints, and none can be read.
    """
    fault: CheckpointError | None = None
    for path in reversed(checkpoints(folder)):
        try:
            return read(path)
        except CheckpointError as reason:
            fault = fault or reason
    if fault is not None:
        raise fault
    return None
