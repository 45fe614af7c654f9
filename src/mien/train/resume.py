"""What a run keeps of a training and takes up again: its recipe, and checkpoints of everything that a step changes.

A run goes on only with a recipe that gives the same result, on the same data; the number of processes may be
another. Trains nothing.
"""

import subprocess
from pathlib import Path
from typing import Any

from mien.errors import CheckpointError, RecipeError
from mien.train import checkpoint
from mien.train.recipe_io import format_recipe
from mien.train.settings import Training
from mien.train.task import Task


def begin(task: Task[Any], folder: Path) -> int:
    """The step to begin at: 0, or that of the newest checkpoint of this run."""
    newest = checkpoint.latest(folder / "checkpoints")
    if newest is None:
        if task.world.rank == 0:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "recipe.toml").write_text(format_recipe(task.recipe), encoding="utf-8")
            except OSError as reason:
                raise CheckpointError(
                    f"{folder} cannot be written: {reason.strerror}; give another --out"
                ) from reason
        task.world.wait()
        return 0
    if newest.state["recipe"] != _result(task.recipe):
        raise RecipeError(
            f"{folder} holds a run of another recipe; give another --out, or its own {folder}/recipe.toml"
        )
    task.restore(newest)
    return newest.step


def _result(recipe: Training) -> str:
    """What the result follows from: all but how it is run, and for how long."""
    return recipe.model_copy(update={"run": type(recipe.run)(), "evaluate": (), "about": type(recipe.about)()}).digest


def step_back(task: Task[Any], folder: Path) -> int:
    """Take up the newest checkpoint of a run; gives its step."""
    newest = checkpoint.latest(folder / "checkpoints")
    if newest is None:
        raise CheckpointError(f"{folder} has no checkpoint to go back to")
    task.restore(newest)
    return newest.step


def save(task: Task[Any], folder: Path, step: int) -> None:
    """Write the checkpoint of a step."""
    state = {
        "step": step,
        "recipe": _result(task.recipe),
        "recipe_text": format_recipe(task.recipe),
        "commit": commit(),
        **task.state(),
    }
    checkpoint.save(folder / "checkpoints", step, state, task.shard(), task.world, task.recipe.run.keep)


def commit() -> str:
    """The commit of the code that trains, or empty where it is not in a repository."""
    try:
        found = subprocess.run(  # noqa: S603
            ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
