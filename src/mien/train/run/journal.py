"""The log of a training: log.jsonl, one line per step and per evaluation; TensorBoard; optionally Weights & Biases.

Computes nothing.
"""

import json
from pathlib import Path
from typing import Any, Self, TextIO

from torch.utils.tensorboard import SummaryWriter

from mien.errors import MissingExtraError
from mien.train.recipe.settings import Training
from mien.whole_files import write_whole_text


class Journal:
    """The log of a run; a process that is not the first writes nothing."""

    def __init__(self, folder: Path, recipe: Training, step: int, *, writes: bool) -> None:
        """Open it, and drop what was written about steps that are made again."""
        self._folder, self._path, self._writes = folder, folder / "log.jsonl", writes
        self._stream: TextIO | None = None
        self._board: SummaryWriter | None = None
        self.evaluated: set[tuple[int, str]] = set()
        """Steps and sets that have an evaluation in the log."""
        self._wandb = _wandb(recipe, folder) if writes and recipe.run.wandb else None
        self.rewind(step)

    def rewind(self, step: int) -> None:
        """Drop what was written about the steps after `step`, which are made again."""
        if not self._writes:
            return
        self._close()
        kept = [line for line in read_journal(self._path) if int(line["step"]) <= step]
        write_whole_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))
        self._stream = self._path.open("a", encoding="utf-8")
        # TensorBoard drops this step and all after it; the evaluations of `step` itself are not made again.
        self._board = SummaryWriter(str(self._folder / "tensorboard"), purge_step=step + 1)
        self.evaluated = {(int(line["step"]), str(line["evaluated"])) for line in kept if "evaluated" in line}

    def write(self, step: int, values: dict[str, Any]) -> None:
        """Write what is known after `step` steps; numbers also go to the boards."""
        if self._stream is None or self._board is None:
            return
        self._stream.write(json.dumps({"step": step, **values}) + "\n")
        if "evaluated" in values:
            self.evaluated.add((step, values["evaluated"]))
        self._stream.flush()
        numbers = {key: value for key, value in values.items() if isinstance(value, int | float)}
        for key, value in numbers.items():
            self._board.add_scalar(key, value, step)
        if "evaluated" in values:
            self._board.flush()
        if self._wandb is not None:
            self._wandb.log(numbers, step=step)

    def flush(self) -> None:
        """Put on the disk what the boards hold back, so that a run that is killed later loses none of it."""
        if self._board is not None:
            self._board.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        """Close all of them."""
        self._close()
        if self._wandb is not None:
            self._wandb.finish()

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        if self._board is not None:
            self._board.close()


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a log, up to one that was cut off."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines


def _wandb(recipe: Training, folder: Path) -> Any:  # noqa: ANN401 - the package is not typed
    try:
        import wandb
    except ImportError:
        raise MissingExtraError(
            "Weights & Biases is not installed: pip install 'mien[wandb]', or set run.wandb = false"
        ) from None
    return wandb.init(project="mien", name=recipe.name, dir=str(folder), config=recipe.model_dump(mode="json"))
