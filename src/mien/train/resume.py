"""What a run keeps of a training and takes up again: its recipe, and checkpoints of everything that a step changes.

A run goes on only with a recipe that gives the same result, on the same classes; the number of processes may be
another. Trains nothing.
"""

import subprocess
from dataclasses import asdict
from pathlib import Path

from mien.errors import CheckpointError, RecipeError
from mien.train import checkpoint
from mien.train.crops import Crops
from mien.train.recipe import Recipe, format_recipe
from mien.train.step import Trained
from mien.train.world import World


def begin(recipe: Recipe, folder: Path, trained: Trained, crops: Crops, world: World) -> int:
    """The step to begin at: 0, or that of the newest checkpoint of this run."""
    newest = checkpoint.latest(folder / "checkpoints")
    if newest is None:
        if world.rank == 0:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "recipe.toml").write_text(format_recipe(recipe), encoding="utf-8")
            except OSError as reason:
                raise CheckpointError(
                    f"{folder} cannot be written: {reason.strerror}; give another --out"
                ) from reason
        world.wait()
        return 0
    if newest.state["recipe"] != _result(recipe):
        raise RecipeError(
            f"{folder} holds a run of another recipe; give another --out, or its own {folder}/recipe.toml"
        )
    return restore(trained, newest, crops)


def _result(recipe: Recipe) -> str:
    """What the result follows from: all but how it is run, and for how long."""
    return recipe.model_copy(update={"run": type(recipe.run)(), "evaluate": (), "about": type(recipe.about)()}).digest


def step_back(folder: Path, trained: Trained, crops: Crops) -> int:
    """Take up the newest checkpoint of a run; gives its step."""
    newest = checkpoint.latest(folder / "checkpoints")
    if newest is None:
        raise CheckpointError(f"{folder} has no checkpoint to go back to")
    return restore(trained, newest, crops)


def save(recipe: Recipe, folder: Path, trained: Trained, crops: Crops, world: World, step: int) -> None:
    """Write the checkpoint of a step."""
    state = {
        "step": step,
        "recipe": _result(recipe),
        "recipe_text": format_recipe(recipe),
        "commit": commit(),
        "classes": crops.classes,
        "backbone": recipe.model.backbone,
        "embedding": recipe.model.embedding,
        "pixels": asdict(trained.backbone.pixels),
        "weights": trained.backbone.state_dict(),
        "optimizer": trained.optimizer.state_dict(),
        "scale": asdict(trained.scale),
        "head": trained.head.head.state(),
    }
    checkpoint.save(folder / "checkpoints", step, state, trained.head.state(), world, recipe.run.keep)


def restore(trained: Trained, saved: checkpoint.Saved, crops: Crops) -> int:
    """Take up a checkpoint; gives its step.

    Raises:
        CheckpointError: it is of other classes or of another network.
    """
    state = saved.state
    if state["classes"] != crops.classes:
        raise CheckpointError(
            f"{saved.where} was trained on {len(state['classes'])} classes, and the data have {len(crops.classes)}, "
            "or others: restore the data, or begin anew from its weights with [init]"
        )
    try:
        trained.backbone.load_state_dict(state["weights"])
        trained.optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError) as reason:
        raise CheckpointError(f"{saved.where} is of another network: {str(reason).splitlines()[0]}") from reason
    trained.scale.value, trained.scale.good = state["scale"]["value"], state["scale"]["good"]
    trained.head.head.restore(state["head"])
    trained.head.restore(saved.heads)
    return saved.step


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
