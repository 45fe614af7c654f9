"""Writes checkpoints in a thread of its own, while the steps go on.

What a step changes is copied first, so a checkpoint holds exactly its step. The copy takes as much memory as network,
optimizer and class centres, outside of the GPU, until it is written. At most one checkpoint is on its way.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from mien.train.run.checkpoint import write_checkpoint
from mien.train.run.folder import RunFolder


class CheckpointWriter:
    """The thread that writes the checkpoints of a run; leaving its block waits for the last one."""

    def __init__(self, place: RunFolder, keep: int) -> None:
        self._place, self._keep = place, keep
        self._pool = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[Path] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        """Let the last checkpoint be finished; its fault matters only to `finish`."""
        self._pool.shutdown(wait=True)

    def save(self, step: int, state: dict[str, Any], shard: dict[str, Any]) -> None:
        """Copy what is to be kept after a step, and begin to write it; waits for the checkpoint before.

        Raises:
            CheckpointError: the checkpoint before could not be written.
        """
        self.finish()
        first = self._place.channel.rank == 0
        kept = copied(state) if first else {}
        self._writing = self._pool.submit(write_checkpoint, self._place, step, kept, copied(shard), self._keep)

    @property
    def failed(self) -> bool:
        """Whether a checkpoint could not be written; `finish` says why."""
        return self._writing is not None and self._writing.done() and self._writing.exception() is not None

    def finish(self) -> None:
        """Wait until the last checkpoint is in its place.

        Raises:
            CheckpointError: it could not be written.
        """
        if self._writing is not None:
            written, self._writing = self._writing, None
            written.result()


def copied(value: Any) -> Any:  # noqa: ANN401 - whatever a checkpoint holds
    """A copy of dicts, lists and tensors, tensors in the processor's memory; other values as they are."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: copied(one) for key, one in value.items()}
    return [copied(one) for one in value] if isinstance(value, list) else value
