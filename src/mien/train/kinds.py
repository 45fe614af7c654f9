"""The kinds of training in one table: recognizers and detectors. The sections of a recipe say of which kind it is.

Reading a recipe, opening its task, planning it and exporting its result all go through this table, so that a new kind
is one entry.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.train.compute.distributed import World
from mien.train.compute.machine import planned_world
from mien.train.detectors.export import export_detector
from mien.train.detectors.plan import plan_detector
from mien.train.detectors.recipe import DETECTOR_RECIPE, DetectorRecipe
from mien.train.detectors.task import DetectionTask
from mien.train.exported import Exported, ExportRequest
from mien.train.recipe.io import RecipeFormat, parse_as, parse_stored, read_content
from mien.train.recipe.settings import Training
from mien.train.recognizers.export import export_recognizer
from mien.train.recognizers.plan import plan_recognizer
from mien.train.recognizers.recipe import RECOGNIZER_RECIPE, RecognizerRecipe
from mien.train.recognizers.task import RecognitionTask
from mien.train.task import Task, TrainingPlan


@dataclass(frozen=True, slots=True)
class TrainingKind:
    """One kind of training.

    Attributes:
        recipe: the class of its recipes.
        form: how its recipes are read.
        open_task: opens the data and the network of a recipe, as they are before the first step.
        plan: checks a recipe against its data and says what it takes.
        export: makes a model of weights; None if the weights are of another kind.
    """

    recipe: type[Training]
    form: RecipeFormat[Any]
    open_task: Callable[[Any, World], Task[Any]]
    plan: Callable[[Any, World], TrainingPlan]
    export: Callable[[ExportRequest], Exported | None]


KINDS: dict[str, TrainingKind] = {
    "detector": TrainingKind(DetectorRecipe, DETECTOR_RECIPE, DetectionTask, plan_detector, export_detector),
    "recognizer": TrainingKind(
        RecognizerRecipe, RECOGNIZER_RECIPE, RecognitionTask, plan_recognizer, export_recognizer
    ),
}

DEFAULT_KIND = "recognizer"
"""What a recipe trains that has no kind's section, so that its messages say what is missing."""


def read_recipe(path: Path, settings: tuple[str, ...] = ()) -> Training:
    """Read a recipe.

    Args:
        path: a TOML file.
        settings: `section.key=value` each, on top of what the file says; values as in TOML, or plain text.

    Raises:
        RecipeError: unreadable, not TOML, a misspelt key, or a value that is not allowed.
    """
    return parse_recipe(read_content(path, settings), str(path))


def parse_recipe(content: Mapping[str, Any], where: str) -> Training:
    """Check a recipe's content; see read_recipe."""
    recipe: Training = parse_as(_form_of(content), content, where)
    return recipe


def parse_kept(text: str, where: str) -> Training:
    """Check a recipe that a checkpoint keeps; its keys may have old names."""
    recipe: Training = parse_stored(_form_of(tomllib.loads(text)), text, where)
    return recipe


def _form_of(content: Mapping[str, Any]) -> RecipeFormat[Any]:
    return next((kind for kind in KINDS.values() if kind.form.section in content), KINDS[DEFAULT_KIND]).form


def open_task(recipe: Training, world: World) -> Task[Any]:
    """Open what a recipe trains, with its data and its network as they are before the first step."""
    return _kind_of(recipe).open_task(recipe, world)


def plan_training(recipe: Training, processes: int | None = None) -> TrainingPlan:
    """Check a recipe against its data and say what it takes, without training.

    Args:
        recipe: what would be done.
        processes: number of processes; None takes those that torchrun started, or one.

    Raises:
        TrainingError: it cannot be followed.
        ManifestError: a data set cannot be read.
    """
    return _kind_of(recipe).plan(recipe, planned_world(recipe.run.device, processes))


def _kind_of(recipe: Training) -> TrainingKind:
    return next(kind for kind in KINDS.values() if isinstance(recipe, kind.recipe))
