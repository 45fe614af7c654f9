"""Which checkpoint all processes continue from: the same one in all of them, or an error in all of them.

With a folder of their own each, the process that has the newest checkpoint sends it to the others, so a training goes
on whichever machine is the first one after a restart.
"""

import shutil
from pathlib import Path

from mien.errors import CheckpointError
from mien.train.compute.channel import spread_files
from mien.train.run.checkpoint import Saved, latest, read
from mien.train.run.folder import RunFolder, agree

RECEIVED = ".received"
"""Beginning of the name of a folder with a checkpoint of another machine, until it is restored."""

KEPT_ALONG = ("log.jsonl", "embeddings/*.npy")
"""What the first process needs of a run besides its checkpoint."""


def latest_of_all(place: RunFolder) -> Saved | None:
    """Read the newest checkpoint that can be read, the same in every process; None if there is none.

    Raises:
        CheckpointError: there are checkpoints and none can be read, or one process cannot read what others can.
    """
    if place.channel.size == 1:
        return latest(place.checkpoints)
    return _of_one_folder(place) if place.shared else _of_many_folders(place)


def drop_received(saved: Saved) -> None:
    """Remove a checkpoint that came from another machine and is restored."""
    if saved.where.name.startswith(RECEIVED):
        shutil.rmtree(saved.where, ignore_errors=True)


def _of_one_folder(place: RunFolder) -> Saved | None:
    channel, saved, fault = place.channel, None, ""
    try:
        saved = latest(place.checkpoints) if channel.rank == 0 else None
    except CheckpointError as reason:
        fault = str(reason)
    agree(channel, fault)
    step = channel.numbers(saved.step if saved is not None else -1)[0]
    if step < 0:
        return None
    if saved is None:
        saved, fault = _read(place.checkpoints / f"step-{step:08d}")
    agree(channel, fault)
    return saved


def _of_many_folders(place: RunFolder) -> Saved | None:
    channel, saved = place.channel, None
    try:
        saved = latest(place.checkpoints)
    except CheckpointError as reason:
        fault = str(reason)
    else:
        fault = ""
    steps = channel.numbers(saved.step if saved is not None else -1)
    if max(steps) < 0:
        # Nobody has one that can be read; damaged ones are not a new beginning.
        agree(channel, fault)
        return None
    source = steps.index(max(steps))
    files = sorted(saved.where.iterdir()) if saved is not None and channel.rank == source else []
    fault, target = "", place.path / f"{RECEIVED}-{channel.rank}"
    if channel.rank != source:
        shutil.rmtree(target, ignore_errors=True)
    fault = spread_files(channel, source, files, target)
    for pattern in KEPT_ALONG:
        along = sorted(place.path.glob(pattern)) if channel.rank == source else []
        folder = (place.path / pattern).parent if channel.rank == 0 else None
        fault = spread_files(channel, source, along, folder) or fault
    agree(channel, fault)
    if channel.rank != source:
        if channel.rank == 0:
            target = _adopt(target, place.checkpoints / f"step-{max(steps):08d}")
        saved, fault = _read(target)
    agree(channel, fault)
    return saved


def _adopt(received: Path, place: Path) -> Path:
    """Keep a checkpoint of another machine as one of this run."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    return received.rename(place)


def _read(path: Path) -> tuple[Saved | None, str]:
    try:
        return read(path), ""
    except CheckpointError as reason:
        return None, f"the first process can read this checkpoint, and this one cannot: {reason}"
