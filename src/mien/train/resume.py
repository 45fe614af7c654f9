"""What a run keeps so that it can continue: its recipe, and checkpoints of everything that a step changes.

A run continues only with a recipe that gives the same result, on the same data; the number of processes may differ.
Trains nothing.
"""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mien.errors import CheckpointError, OutputError, RecipeError
from mien.output_names import OutputGuard
from mien.train.kinds import parse_kept
from mien.train.recipe.io import format_recipe
from mien.train.recipe.settings import Training
from mien.train.run import checkpoint
from mien.train.run.checkpoint import Saved
from mien.train.task import Task

MAX_SHOWN, MAX_VALUE = 5, 60
"""Values that a message about another recipe shows, and characters of each."""


def begin(task: Task[Any], folder: Path) -> int:
    """Find the step to begin at: 0, or that of the newest checkpoint of this run."""
    newest = checkpoint.latest(folder / "checkpoints")
    if newest is None:
        if task.world.rank == 0:
            _write_recipe(folder / "recipe.toml", format_recipe(task.recipe))
        task.world.wait()
        return 0
    if not _gives_the_same(newest, task.recipe):
        raise RecipeError(
            f"{folder} has a run of another recipe ({_differences(newest, task.recipe)}); choose a different --out, "
            f"or use its own {folder}/recipe.toml"
        )
    _restore(task, newest)
    return newest.step


def _write_recipe(path: Path, text: str) -> None:
    """Keep the recipe of a run that begins; one that somebody wrote by hand is not replaced.

    Raises:
        CheckpointError: it cannot be written, or would replace another.
    """
    try:
        if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
            OutputGuard().write_text(path, text)
    except OutputError as reason:
        raise CheckpointError(
            f"{path} was not written by a run, and the run's own recipe would replace it: choose a different --out"
        ) from reason
    except OSError as reason:
        raise CheckpointError(
            f"{path.parent} cannot be written: {reason.strerror}; choose a different --out"
        ) from reason


def _restore(task: Task[Any], saved: Saved) -> None:
    try:
        task.restore(saved)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as reason:
        raise CheckpointError(
            f"{saved.where} lacks something that a run continues from ({type(reason).__name__}: {reason}): copy the "
            "whole folder again, or remove it to continue from the one before"
        ) from reason


def _gives_the_same(saved: Saved, recipe: Training) -> bool:
    """Whether a checkpoint's recipe has the result of this one; an older schema may have written it differently."""
    wanted = _result(recipe)
    return bool(saved.state["recipe"] == wanted) or wanted == _result(
        parse_kept(str(saved.state["recipe_text"]), str(saved.where))
    )


def _result(recipe: Training) -> str:
    """A digest of what the result follows from."""
    return _for_result(recipe).digest


def _for_result(recipe: Training) -> Training:
    """What the result follows from: everything except how the training runs and what its card says."""
    return recipe.model_copy(update={"run": type(recipe.run)(), "evaluate": (), "about": type(recipe.about)()})


def _differences(saved: Saved, recipe: Training) -> str:
    """The first values in which a run's recipe and this one differ, as a part of a sentence."""
    theirs = parse_kept(str(saved.state["recipe_text"]), str(saved.where))
    there, here = (dict(_values(_for_result(one).model_dump(mode="json"))) for one in (theirs, recipe))
    keys = [key for key in {**there, **here} if there.get(key) != here.get(key)]
    shown = [f"{key} is {_shown(there.get(key))} there and {_shown(here.get(key))} here" for key in keys[:MAX_SHOWN]]
    more = len(keys) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def _values(content: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, object]]:
    """Every value of a recipe by its key, as `section.key`."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _values(value, f"{under}{key}.")
        else:
            yield f"{under}{key}", value


def _shown(value: object) -> str:
    """A value for a sentence; what is not given is so called."""
    text = "not given" if value is None else str(value)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 3]}..."


def step_back(task: Task[Any], folder: Path) -> int:
    """Return to the newest checkpoint of a run; returns its step."""
    newest = checkpoint.latest(folder / "checkpoints")
    if newest is None:
        raise CheckpointError(f"{folder} has no checkpoint to return to")
    _restore(task, newest)
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
