"""The folder of a run, and which processes see it.

Machines that train together may have a folder of one name each, and no folder in common. Then a checkpoint would hold
the class centres of one machine, so this is found out before the first step. Reads and writes no checkpoint.
"""

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mien.errors import CheckpointError, RecipeError, TrainingError
from mien.train.compute.channel import Channel

PATIENCE = (0.0, 0.1, 0.3, 1.0, 2.0)
"""Seconds to wait before each try to see what another machine has written; a network's file system may be late."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of a run.

    Attributes:
        path: as this process calls it.
        channel: to the other processes.
        shared: whether all processes see the same folder; if not, the first one's is the run's.
    """

    path: Path
    channel: Channel = field(default_factory=Channel)
    shared: bool = True

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"


def open_run_folder(path: Path, channel: Channel, *, gather: bool) -> RunFolder:
    """Find out whether all processes see the same folder; every process calls this.

    Args:
        path: of the folder, which is made if it does not exist.
        channel: to the other processes.
        gather: whether the first process may collect everything, where they do not.

    Raises:
        CheckpointError: it cannot be written.
        RecipeError: processes see different folders, and the recipe does not gather.
    """
    if channel.size == 1:
        return RunFolder(path, channel)
    blind = _blind(path, channel)
    if blind and not gather:
        first = ", ".join(str(rank) for rank in blind[:5]) + (" and others" if len(blind) > 5 else "")
        raise RecipeError(
            f"process {first} of {channel.size} does not see the folder {path} of process 0, so checkpoints would "
            "lack its class centres: choose an --out that all machines share, or set run.gather = true, with which "
            "process 0 collects them"
        )
    return RunFolder(path, channel, shared=not blind)


def _blind(path: Path, channel: Channel) -> list[int]:
    """The processes that do not see a file that the first one writes."""
    token = path / f".seen-{channel.numbers(secrets.randbits(62))[0]:016x}"
    fault = ""
    if channel.rank == 0:
        try:
            path.mkdir(parents=True, exist_ok=True)
            token.touch()
        except OSError as reason:
            fault = f"{path} cannot be written: {reason.strerror}; choose a different --out"
    agree(channel, fault)
    seen = channel.numbers(int(_appears(token)))
    if channel.rank == 0:
        with suppress(OSError):
            token.unlink()
    return [rank for rank, found in enumerate(seen) if not found]


def _appears(path: Path) -> bool:
    for seconds in PATIENCE:
        time.sleep(seconds)
        if path.exists():
            return True
    return False


def agree(channel: Channel, fault: str, error: type[TrainingError] = CheckpointError) -> None:
    """Go on only if no process has a fault, so that none waits for one that has stopped.

    Raises:
        TrainingError: of the type `error`, if any process has one.
    """
    faulty = [rank for rank, one in enumerate(channel.numbers(int(bool(fault)))) if one]
    if fault:
        raise error(fault)
    if faulty:
        raise error(f"process {faulty[0]} of {channel.size} stopped before the first step; see its message")
