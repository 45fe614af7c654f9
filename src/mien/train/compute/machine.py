"""The machine that a training is planned for: its devices, how many processes, and how much memory each has.

What a plan needs before anything is started. Joins no processes.
"""

import os
from dataclasses import dataclass
from math import isnan

import torch

from mien.train.compute.distributed import World


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMachine:
    """What every plan says of where the training runs.

    Attributes:
        device: its name, for people.
        processes: number of processes, one per GPU.
        memory: bytes of one device, or of this machine's processor; 0 where it is not known.
        present: whether steps can be timed here.
    """

    device: str
    processes: int
    memory: int
    present: bool

    def time_row(self, seconds: float, duration: str) -> tuple[str, str]:
        """What and how much, for people.

        Args:
            seconds: of the training; NaN where it was not measured.
            duration: the same in words.
        """
        if isnan(seconds):
            return "time", "not measured, as torch sees no GPU here"
        where = "this machine" if self.processes == 1 else f"{self.processes} x {self.device}"
        left_out = "" if self.processes == 1 else ", the exchange between processes"
        return "time", f"about {duration} on {where}, without reading{left_out} and evaluations"

    def memory_row(self, needed: int, parts: str) -> tuple[str, str]:
        """What one process needs, and whether it fits.

        Args:
            needed: bytes.
            parts: what they are for.
        """
        name = "memory per GPU" if self.device != CPU else "memory per process"
        room = f" of {self.memory / 1e9:.0f}" if self.memory else ""
        remedy = "; that does not fit: plan more --processes, run.accumulate or run.recompute"
        return name, f"{needed / 1e9:.1f}{room} GB: {parts}{remedy if self.memory and needed > self.memory else ''}"


def disk_row(kept: int, each: int) -> tuple[str, str]:
    """What checkpoints need on the disk: those that are kept, and one that is being written.

    Args:
        kept: number of checkpoints that are kept.
        each: bytes of one.
    """
    much = (kept + 1) * each
    shown = f"{much / 1e9:.1f} GB" if much >= 1e9 else f"{much / 1e6:.0f} MB"
    return "disk for checkpoints", f"{shown}: {kept} that are kept, and one that is written"


CPU = "this processor"
"""What a plan calls it."""


def planned_world(device: str, processes: int | None) -> World:
    """The processes that a plan is for, as the first of them.

    Args:
        device: of the recipe: auto, cpu or cuda. With cuda, a machine without a GPU plans for one.
        processes: number of them; None takes those that torchrun started, or one.
    """
    use_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    size = processes or int(os.environ.get("WORLD_SIZE", "1"))
    return World(0, size, torch.device("cuda", 0) if use_gpu else torch.device("cpu"))


def machine_of(world: World) -> PlannedMachine:
    """Describe where the processes of a plan run."""
    if world.device.type == "cpu":
        return PlannedMachine(device=CPU, processes=world.size, memory=_own_memory() // world.size, present=True)
    if not torch.cuda.is_available():
        return PlannedMachine(device="GPU", processes=world.size, memory=0, present=False)
    about = torch.cuda.get_device_properties(world.device)
    return PlannedMachine(device=about.name, processes=world.size, memory=about.total_memory, present=True)


def settle(device: torch.device) -> None:
    """Wait until a device has done what it was asked to, so that its time can be taken."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _own_memory() -> int:
    """Bytes of memory of this machine; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
