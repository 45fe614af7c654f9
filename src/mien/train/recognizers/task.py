"""Training a recognizer, as the loop sees it: crops, backbone and class centres as one task."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import CheckpointError, NonFiniteError
from mien.messages import text_of
from mien.train.compute.distributed import World
from mien.train.compute.optimize import Outcome
from mien.train.compute.order import readers_of, share_of
from mien.train.recognizers import lora
from mien.train.recognizers.backbones.registry import spec_of
from mien.train.recognizers.data import open_dataset
from mien.train.recognizers.dataset import BatchReading, CropBatch, batches
from mien.train.recognizers.embed import embedder
from mien.train.recognizers.fault import first_fault
from mien.train.recognizers.feed import on_card
from mien.train.recognizers.guard import require_judgeable
from mien.train.recognizers.initialize import prepare_training, thaw
from mien.train.recognizers.recipe import RecognizerEvaluate, RecognizerRecipe
from mien.train.recognizers.report import write_training_report
from mien.train.recognizers.step import make_step
from mien.train.recognizers.validation import (
    describe_number,
    embeddings_path,
    headline_metrics,
    open_validation_set,
    save_embeddings,
)
from mien.train.run.checkpoint import Saved
from mien.train.run.digests import weights_digest


class RecognitionTask:
    """See mien.train.task.Task."""

    def __init__(self, recipe: RecognizerRecipe, world: World) -> None:
        self.recipe, self.world = recipe, world
        self._crops = open_dataset(recipe, world)
        self.steps_per_epoch = self._crops.epoch_length // recipe.schedule.batch
        self.steps = recipe.schedule.total_steps(self.steps_per_epoch)
        self._sets = [open_validation_set(one, spec_of(recipe.model.backbone)) for one in recipe.evaluate]
        require_judgeable(recipe, self._sets)
        self._learner = prepare_training(recipe, self._crops, world)

    @property
    def validation_sets(self) -> Sequence[RecognizerEvaluate]:
        """The sets that the recognizer is evaluated on."""
        return self.recipe.evaluate

    def batches(self, start: int) -> Iterator[CropBatch]:
        """This process's shares of the steps from `start` on."""
        run, device = self.recipe.run, self.world.device
        reading = BatchReading(
            share=share_of(self.recipe, self.world),
            seed=self.recipe.seed,
            probabilities=self.recipe.augment.probabilities(),
            readers=readers_of(run, run.processes, device),
        )
        found = batches(self._crops, reading, start, self.steps)
        return on_card(found, device) if device.type == "cuda" else found

    def step(self, batch: CropBatch, rate: float, *, stopping: bool = False) -> Outcome:
        """Train on one batch; nothing is changed if the outcome is not finite."""
        thaw(self._learner, self.recipe, batch.step, self.steps_per_epoch, self.world)
        return make_step(self._learner, batch, rate, self.recipe, self.world, stopping=stopping)

    def describe_fault(self, batch: CropBatch) -> str:
        """Describe where the first NaN or infinity appeared and which samples were in the batch."""
        fault = first_fault(self._learner, batch, self.recipe.run.precision, self.world.device)
        shown = ", ".join(self._crops.name(number) for number in batch.numbers[:3].tolist())
        return f"{fault}. The batch begins with {shown}"

    def inputs(self) -> dict[str, str]:
        """Digests of the crops, of the weights of [init], and of the teacher."""
        init, distiller = self.recipe.init, self._learner.distiller
        found = {"data.sets": self._crops.digest}
        if init is not None:
            found["init.weights"] = weights_digest(init.weights)
        if distiller is not None:
            found["teacher.model"] = distiller.digest
        return found

    def state(self) -> dict[str, Any]:
        """What the first process writes into a checkpoint."""
        learner, model = self._learner, self.recipe.model
        return {
            "classes": self._crops.classes,
            "backbone": model.backbone,
            "embedding": model.embedding,
            "pixels": learner.backbone.spec.saved(),
            "weights": lora.summed_state(learner.backbone),
            "lora": lora.thin_state(learner.backbone),
            "optimizer": learner.optimizer.state_dict(),
            "scale": asdict(learner.scale),
            "head": learner.head.head.state(),
        }

    def shard(self) -> dict[str, Any]:
        """This process's class centres."""
        return self._learner.head.state()

    def restore(self, saved: Saved) -> None:
        """Continue from a checkpoint.

        Raises:
            CheckpointError: it was made with other classes or another network.
        """
        state, learner, classes = saved.state, self._learner, self._crops.classes
        if state["classes"] != classes:
            raise CheckpointError(
                f"{saved.where} was trained on {len(state['classes'])} classes, and the data have {len(classes)}, "
                "or others: restore the data, or start a new run from its weights with [init]"
            )
        if lora.is_adapted(learner.backbone):
            lora.restore(learner.backbone, state["weights"], state.get("lora", {}), str(saved.where))
            saved.into_optimizer(learner.optimizer)
        else:
            saved.into(learner.backbone, learner.optimizer)
        learner.scale.restore(state["scale"])
        learner.head.head.restore(state["head"])
        learner.head.restore(saved.heads)

    def evaluate(self, number: int, step: int, folder: Path) -> tuple[dict[str, Any], str]:
        """Evaluate on one of the validation sets; see Task."""
        one, name, backbone = self._sets[number], self.recipe.evaluate[number].name, self._learner.backbone
        # Statistics of BatchNorms differ between processes; a checkpoint has those of the first.
        self.world.take_from_first(backbone.buffers())
        vectors = one.embed(embedder(backbone, self.world.device, self.recipe.run.precision), self.world)
        if not np.isfinite(vectors).all():
            raise NonFiniteError(
                f"step {step}: the network's embeddings of the set {name} are not finite, though its losses were: "
                "set run.precision to f32, and continue from an earlier checkpoint"
            )
        if self.world.rank > 0:
            return {}, ""
        save_embeddings(vectors, embeddings_path(folder, name, "before" if step == 0 else "after"))
        report = one.report(vectors, self.recipe.name)
        numbers = {f"{name}/{key}": value.value for key, value in report.numbers.items()}
        metrics = [f"{key} {describe_number(report.numbers[key]).text('en')}" for key in headline_metrics(report)[:2]]
        return numbers, ", ".join(metrics) or "too few comparisons for any rate"

    def report(self, folder: Path, language: str) -> tuple[str, ...]:
        """Write the run's report/ in a language; returns its first sentences."""
        report = write_training_report(self.recipe, folder, self._crops, self._sets, language)
        return tuple(text_of(sentence, language) for sentence in report.headline)
