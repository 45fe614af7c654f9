"""Training a recognizer, as the loop sees it: crops, backbone and class centres behind one task."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mien.errors import CheckpointError
from mien.train.checkpoint import Saved
from mien.train.distributed import World
from mien.train.recognizers.backbones.registry import pixels_of
from mien.train.recognizers.dataset import CropBatch, batches_of, length_of, open_dataset
from mien.train.recognizers.embed import embedder
from mien.train.recognizers.initialize import prepare_training, thaw
from mien.train.recognizers.recipe import Evaluate, Recipe
from mien.train.recognizers.report import write_training_report
from mien.train.recognizers.step import first_fault, make_step
from mien.train.recognizers.validation import (
    describe_number,
    embeddings_path,
    headline_metrics,
    open_validation_set,
    save_embeddings,
)
from mien.train.task import Outcome


class RecognitionTask:
    """See mien.train.task.Task."""

    def __init__(self, recipe: Recipe, world: World) -> None:
        self.recipe, self.world = recipe, world
        self._crops = open_dataset(recipe, world)
        length = length_of(recipe, self._crops)
        self.steps_per_epoch, self.steps = length.steps_per_epoch, length.steps
        self._sets = [open_validation_set(one, pixels_of(recipe.model.backbone)) for one in recipe.evaluate]
        self._trained = prepare_training(recipe, self._crops, world)

    @property
    def watched(self) -> Sequence[Evaluate]:
        """The sets that it is evaluated on."""
        return self.recipe.evaluate

    def batches(self, start: int) -> Iterator[CropBatch]:
        """This process's shares of the steps from `start` on."""
        return batches_of(self.recipe, self._crops, self.world, start, self.steps)

    def step(self, batch: CropBatch, rate: float) -> Outcome:
        """Train on one batch; nothing is changed where the outcome is not finite."""
        thaw(self._trained, self.recipe, batch.step, self.steps_per_epoch, self.world)
        return make_step(self._trained, batch, rate, self.recipe, self.world)

    def fault(self, batch: CropBatch) -> str:
        """Where a number that is none came from, in words, and what the batch held."""
        fault = first_fault(self._trained, batch, self.recipe.run.precision, self.world.device)
        shown = ", ".join(self._crops.name(number) for number in batch.numbers[:3].tolist())
        return f"{fault}. The batch begins with {shown}"

    def state(self) -> dict[str, Any]:
        """What the first process writes into a checkpoint."""
        trained, model = self._trained, self.recipe.model
        return {
            "classes": self._crops.classes,
            "backbone": model.backbone,
            "embedding": model.embedding,
            "pixels": asdict(trained.backbone.pixels),
            "weights": trained.backbone.state_dict(),
            "optimizer": trained.optimizer.state_dict(),
            "scale": asdict(trained.scale),
            "head": trained.head.head.state(),
        }

    def shard(self) -> dict[str, Any]:
        """This process's class centres."""
        return self._trained.head.state()

    def restore(self, saved: Saved) -> None:
        """Take up a checkpoint.

        Raises:
            CheckpointError: it is of other classes or of another network.
        """
        state, trained, classes = saved.state, self._trained, self._crops.classes
        if state["classes"] != classes:
            raise CheckpointError(
                f"{saved.where} was trained on {len(state['classes'])} classes, and the data have {len(classes)}, "
                "or others: restore the data, or begin anew from its weights with [init]"
            )
        saved.into(trained.backbone, trained.optimizer)
        trained.scale.restore(state["scale"])
        trained.head.head.restore(state["head"])
        trained.head.restore(saved.heads)

    def evaluate(self, number: int, step: int, folder: Path) -> tuple[dict[str, Any], str]:
        """Evaluate on one of the watched sets; gives what the log keeps, and a sentence."""
        one, name = self._sets[number], self.recipe.evaluate[number].name
        vectors = one.embed(embedder(self._trained.backbone, self.world.device))
        save_embeddings(vectors, embeddings_path(folder, name, "before" if step == 0 else "after"))
        report = one.report(vectors, self.recipe.name)
        numbers = {f"{name}/{key}": value.value for key, value in report.numbers.items()}
        figures = [f"{key} {describe_number(report.numbers[key])}" for key in headline_metrics(report)[:2]]
        return numbers, ", ".join(figures) or "too few comparisons for any rate"

    def report(self, folder: Path) -> None:
        """Write the run's report/."""
        write_training_report(self.recipe, folder, self._crops, self._sets)
