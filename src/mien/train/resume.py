"""What a run keeps so that it can continue: its recipe, and checkpoints of everything that a step changes.

A run continues with a recipe that means the same, on the same data; the number of processes may differ. Trains
nothing.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.errors import CheckpointError, OutputError, RecipeError
from mien.output_names import OutputGuard
from mien.train.kinds import parse_kept
from mien.train.recipe.comparison import Changes, compare_recipes
from mien.train.recipe.io import format_recipe
from mien.train.run.agreed import drop_received, latest_of_all
from mien.train.run.checkpoint import Saved
from mien.train.run.folder import RunFolder, agree
from mien.train.run.writer import CheckpointWriter
from mien.train.task import Task


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins.

    Attributes:
        step: number of steps that are done.
        notes: sentences on what its user has to know.
    """

    step: int
    notes: tuple[str, ...] = ()


def begin(task: Task[Any], place: RunFolder) -> Start:
    """Find the step to begin at: 0, or that of the newest checkpoint of this run; every process calls this.

    Raises:
        RecipeError: the run is another training.
        CheckpointError: the folder cannot be written, or no checkpoint can be read.
    """
    newest = latest_of_all(place)
    first = place.channel.rank == 0
    if newest is None:
        agree(place.channel, _write_recipe(place.path / "recipe.toml", format_recipe(task.recipe)) if first else "")
        return Start(0)
    changes = _changes(newest, task)
    if changes.other:
        raise RecipeError(
            f"{place.path} has a run of another recipe ({changes.sentence()}); choose a different --out, or use its "
            f"own {place.path}/recipe.toml"
        )
    if newest.step > task.steps:
        raise RecipeError(
            f"{place.path} has made {newest.step} steps, and the recipe asks for {task.steps}: use its own "
            f"{place.path}/recipe.toml, or a greater schedule.steps or schedule.epochs"
        )
    notes = _notes(newest, task, changes)
    _restore(task, newest)
    drop_received(newest)
    if first:
        for left in place.checkpoints.glob(".step-*.part"):
            # Left by a run that was killed while it wrote.
            shutil.rmtree(left, ignore_errors=True)
    return Start(newest.step, notes)


def _write_recipe(path: Path, text: str) -> str:
    """Keep the recipe of a run that begins; one that somebody wrote by hand is not replaced. Returns a fault."""
    try:
        if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
            OutputGuard().write_text(path, text)
    except OutputError:
        return f"{path} was not written by a run, and the run's own recipe would replace it: choose a different --out"
    except OSError as reason:
        return f"{path.parent} cannot be written: {reason.strerror}; choose a different --out"
    return ""


def _restore(task: Task[Any], saved: Saved) -> None:
    try:
        task.restore(saved)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as reason:
        raise CheckpointError(
            f"{saved.where} lacks something that a run continues from ({type(reason).__name__}: {reason}): copy the "
            "whole folder again, or remove it to continue from the one before"
        ) from reason


def _changes(saved: Saved, task: Task[Any]) -> Changes:
    """In what the recipe differs from that of a run; data are the same if their digests are, wherever they are."""
    theirs = parse_kept(str(saved.state["recipe_text"]), str(saved.where))
    there, here = saved.state.get("inputs", {}), task.inputs()
    return compare_recipes(theirs, task.recipe, {key: there[key] == here[key] for key in here if key in there})


def _notes(saved: Saved, task: Task[Any], changes: Changes) -> tuple[str, ...]:
    notes = []
    if changes.longer:
        notes.append(
            f"{', '.join(changes.longer)}: the learning rate of the steps to come follows the new length, so the "
            "result is not that of a run which began with it"
        )
    if changes.said:
        notes.append(f"{', '.join(changes.said)}: the steps to come are computed in another way")
    processes = len(saved.heads)
    if processes != task.world.size and not task.recipe.run.synchronize_norms:
        notes.append(
            f"the steps so far were made by {processes} processes, and the rest by {task.world.size}: each BatchNorm "
            "sees another part of a batch"
        )
    return tuple(notes)


def step_back(task: Task[Any], place: RunFolder) -> int:
    """Return to the newest checkpoint of a run; returns its step.

    Raises:
        CheckpointError: there is none.
    """
    newest = latest_of_all(place)
    if newest is None:
        raise CheckpointError(f"{place.path} has no checkpoint to return to")
    _restore(task, newest)
    drop_received(newest)
    return newest.step


def save(task: Task[Any], writer: CheckpointWriter, step: int) -> None:
    """Begin to write the checkpoint of a step; see CheckpointWriter.save."""
    recipe = task.recipe
    state = {
        "step": step,
        "recipe": recipe.digest,
        "recipe_text": format_recipe(recipe),
        "inputs": task.inputs(),
        "commit": commit(),
        **task.state(),
    }
    writer.save(step, state, task.shard())


def commit() -> str:
    """The commit of the code that trains, or empty if it is not in a repository."""
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
