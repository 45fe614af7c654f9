"""Checkpoints of a training: one folder per step, complete or absent.

`step-00002000/` has state.pt (network, optimizer, step, recipe, commit, classes) and one head-RANK-of-SIZE.pt per
process, with its share of the class centres. All processes write into one scratch folder, or send their part to the
first where they do not share it; the first counts the parts and moves the folder into place, so the last checkpoint
stays readable whatever happens. Files are read with torch's weights_only reader. The position in the data is the
step, and all random numbers follow from seed, step and rank, so nothing else is kept.
"""

import io
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mien.errors import CheckpointError
from mien.train.run.folder import PATIENCE, RunFolder
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


def write_checkpoint(place: RunFolder, step: int, state: dict[str, Any], shard: dict[str, Any], keep: int) -> Path:
    """Write a checkpoint; every process gives its part, and the first moves it into place.

    The processes exchange only over their channel, so a thread of its own may call this while steps go on.

    Args:
        place: of the run.
        step: number of steps that are done.
        state: what the first process keeps.
        shard: this process's part.
        keep: number of checkpoints to keep.

    Raises:
        CheckpointError: the disk is full, the folder cannot be written, or a part of another process did not arrive;
            what was there before is still there.
    """
    channel, folder = place.channel, place.checkpoints
    whole, partial = folder / f"step-{step:08d}", folder / f".step-{step:08d}.part"
    fault = _begin(partial) if channel.rank == 0 else ""
    failed = channel.any(bool(fault))
    if not failed:
        fault, size = _write_own(place, partial, state, shard)
        sizes = channel.numbers(-1 if fault else size)
        # Nobody moves a checkpoint into place that another process could not finish.
        if channel.rank == 0 and min(sizes) >= 0:
            fault = _finish(partial, whole, sizes, keep)
        failed = min(sizes) < 0 or channel.any(bool(fault))
    if failed:
        shutil.rmtree(partial, ignore_errors=True)
        raise CheckpointError(_failure(folder, step, fault))
    return whole


def _begin(partial: Path) -> str:
    """Make an empty scratch folder; returns what went wrong, or empty."""
    try:
        # Left by a run that was killed here, perhaps one with more processes.
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    except OSError as reason:
        return str(reason)
    return ""


def _write_own(place: RunFolder, partial: Path, state: dict[str, Any], shard: dict[str, Any]) -> tuple[str, int]:
    """Write this process's part, or send it to the first; returns what went wrong, or empty, and its bytes."""
    fault, size = "", 0
    try:
        if place.shared or place.channel.rank == 0:
            size = _write(partial / part_name(place.channel.rank, place.channel.size), shard)
        if place.channel.rank == 0:
            _write(partial / "state.pt", {"format": FORMAT, "version": VERSION, **state})
    except (OSError, RuntimeError) as reason:
        # torch's writer hides the system's reason behind its own.
        fault = str(reason.__cause__ or reason.__context__ or reason).splitlines()[0]
    if not place.shared:
        gathered, sent = _gather(place, partial, shard)
        fault, size = fault or gathered, size or sent
    return fault, size


def _gather(place: RunFolder, partial: Path, shard: dict[str, Any]) -> tuple[str, int]:
    """Bring the other processes' parts to the first one, one after the other; see _write_own."""
    channel, fault = place.channel, ""
    if channel.rank > 0:
        stream = io.BytesIO()
        torch.save(shard, stream)
        stream.seek(0)
        channel.send(stream, 0)
        return "", len(stream.getbuffer())
    for rank in range(1, channel.size):
        try:
            sink = (partial / part_name(rank, channel.size)).open("wb")
        except OSError as reason:
            fault = str(reason)
            channel.receive(rank, None)
            continue
        try:
            with sink:
                channel.receive(rank, sink)
                sink.flush()
                os.fsync(sink.fileno())
        except OSError as reason:
            fault = str(reason)
    return fault, 0


def part_name(rank: int, size: int) -> str:
    """The file of a process's part."""
    return f"head-{rank:04d}-of-{size:04d}.pt"


def _finish(partial: Path, whole: Path, sizes: list[int], keep: int) -> str:
    """Count the parts, move the checkpoint into place and drop all but the last few; returns a fault, or empty."""
    for rank, size in enumerate(sizes):
        if not _arrived(partial / part_name(rank, len(sizes)), size):
            return f"the part of process {rank} did not arrive, as that process does not see this folder any more"
    try:
        shutil.rmtree(whole, ignore_errors=True)
        partial.rename(whole)
        for old in checkpoints(whole.parent)[:-keep]:
            shutil.rmtree(old)
    except OSError as reason:
        return str(reason)
    return ""


def _arrived(path: Path, size: int) -> bool:
    """Whether a file has its size; a network's file system may show that a little later."""
    for seconds in PATIENCE:
        time.sleep(seconds)
        with suppress(OSError):
            if path.stat().st_size == size:
                return True
    return False


def _failure(folder: Path, step: int, fault: str) -> str:
    """Say that a checkpoint could not be written, and from which one the training can continue."""
    last = next(reversed(checkpoints(folder)), None)
    remedy = "make room there"
    if last is not None:
        remedy = f"{last.name} is complete, and training continues from it once there is room"
    why = f": {fault}" if fault else " by another process"
    return f"the checkpoint of step {step} could not be written to {folder}{why}; {remedy}"


def _write(path: Path, content: dict[str, Any]) -> int:
    """Write a file of torch; returns its bytes."""
    with path.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
        return stream.tell()


def read(path: Path) -> Saved:
    """Read a checkpoint.

    Raises:
        CheckpointError: missing, damaged, of a later version, or without all parts of the head.
    """
    saved = read_network(path)
    files = sorted(path.glob("head-*-of-*.pt"))
    if not files or len(files) != int(files[0].stem.split("-")[-1]):
        raise CheckpointError(
            f"{path} lacks parts of the class centres, it has {len(files)}: copy the whole folder. The network "
            "can be exported without them"
        )
    heads = [dict(load_file(file, in_place=True)) for file in files]
    for file, head in zip(files, heads, strict=True):
        require_numbers(head, file)
    return replace(saved, heads=heads)


def read_network(path: Path) -> Saved:
    """Read a checkpoint without the class centres: all that an export needs.

    Raises:
        CheckpointError: missing, damaged, or of a later version.
    """
    state = dict(load_file(path / "state.pt"))
    if state.get("format") != FORMAT or state.get("version") != VERSION:
        raise CheckpointError(
            f"{path} is not a checkpoint of version {VERSION}; use the version of mien that made it"
        )
    _require_numbers(path, state)
    return Saved(path, state, [])


def _require_numbers(path: Path, state: Mapping[str, Any]) -> None:
    """Refuse a checkpoint whose weights or momentum are not numbers."""
    weights, optimizer = state.get("weights", {}), state.get("optimizer", {})
    if not isinstance(weights, Mapping) or not isinstance(optimizer, Mapping):
        raise CheckpointError(f"{path} holds no weights where they belong: copy the whole folder again")
    require_numbers(weights, path / "state.pt")
    for moments in optimizer.get("state", {}).values():
        require_numbers(moments, path / "state.pt", zeros=True)


def latest(folder: Path, read: Callable[[Path], Saved] = read) -> Saved | None:
    """Read the newest checkpoint of a run that can be read; None if there is none.

    Args:
        folder: of the run's checkpoints.
        read: `read`, or `read_network` where the class centres are not needed.

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
