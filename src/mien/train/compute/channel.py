"""Carries numbers and files between processes, apart from what a step exchanges.

Always Gloo, so that GPUs are not waited for, and a group of its own, so that a thread that writes checkpoints can use
it while the steps go on. One thread at a time: the main one before the first step and after a write has ended, the
writing one in between. With one process, everything is a no-op.
"""

import io
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
import torch.distributed as dist

CHUNK = 64 * 2**20
"""Bytes that are sent at a time."""


@dataclass(frozen=True, slots=True)
class Channel:
    """The way to the other processes.

    Attributes:
        rank: number of this process.
        size: number of processes.
        group: torch's group; None for one process.
    """

    rank: int = 0
    size: int = 1
    group: Any = None

    def numbers(self, value: int) -> list[int]:
        """Every process's number, in the order of ranks; also waits for all of them."""
        if self.size == 1:
            return [value]
        parts = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(parts, torch.tensor([value], dtype=torch.int64), group=self.group)
        return [int(part) for part in parts]

    def any(self, value: bool) -> bool:
        """Whether it is so in any process."""
        return any(self.numbers(int(value)))

    def spread(self, source: int, stream: BinaryIO | None, sink: BinaryIO | None) -> None:
        """Send a file of one process to all others.

        Args:
            source: the process that has it.
            stream: open for reading in that process; None elsewhere.
            sink: where another process writes it; None drops it.
        """
        self._carry(stream, sink, lambda chunk: dist.broadcast(chunk, source, group=self.group))

    def send(self, stream: BinaryIO, target: int) -> None:
        """Send a file to a process, which calls `receive`."""
        self._carry(stream, None, lambda chunk: dist.send(chunk, target, group=self.group))

    def receive(self, source: int, sink: BinaryIO | None) -> None:
        """Receive a file from a process, which calls `send`; None drops it."""
        self._carry(None, sink, lambda chunk: dist.recv(chunk, source, group=self.group))

    def _carry(self, stream: BinaryIO | None, sink: BinaryIO | None, move: Callable[[torch.Tensor], object]) -> None:
        """Move the number of bytes, then the bytes; one who has the stream fills each chunk, others empty it.

        A disk that is full does not leave the sender waiting: all is received, and the fault raised afterwards.
        """
        fault: OSError | None = None
        length = torch.tensor([_rest(stream) if stream is not None else 0], dtype=torch.int64)
        move(length)
        left = int(length)
        while left:
            count = min(CHUNK, left)
            chunk = torch.empty(count, dtype=torch.uint8)
            if stream is not None:
                chunk = torch.frombuffer(bytearray(stream.read(count)), dtype=torch.uint8)
            move(chunk)
            if sink is not None and fault is None:
                try:
                    sink.write(chunk.numpy().tobytes())
                except OSError as reason:
                    fault = reason
            left -= count
        if fault is not None:
            raise fault


def _rest(stream: BinaryIO) -> int:
    """Number of bytes from here to the end."""
    here = stream.tell()
    end = stream.seek(0, os.SEEK_END)
    stream.seek(here)
    return end - here


def spread_files(channel: Channel, source: int, files: list[Path], folder: Path | None) -> str:
    """Copy files of one process into a folder of each other process.

    Args:
        channel: to the other processes.
        source: the process that has the files.
        files: their paths, in that process; empty elsewhere.
        folder: where another process keeps them, by their names; None drops them.

    Returns:
        What went wrong in this process, or empty.
    """
    fault = ""
    for number in range(channel.numbers(len(files))[source]):
        own = files[number] if channel.rank == source else None
        name = io.BytesIO()
        channel.spread(source, io.BytesIO(own.name.encode()) if own else None, name)
        try:
            if own is not None:
                with own.open("rb") as stream:
                    channel.spread(source, stream, None)
                continue
            sink = _open_new(folder, name.getvalue().decode()) if folder is not None else None
        except OSError as reason:
            fault, sink = str(reason), None
        try:
            with sink or nullcontext():
                channel.spread(source, None, sink)
        except OSError as reason:
            fault = str(reason)
    return fault


def _open_new(folder: Path, name: str) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    # A name only, so that nothing is written elsewhere.
    return (folder / Path(name).name).open("wb")
