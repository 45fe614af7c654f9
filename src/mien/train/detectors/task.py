"""Training a detector, as the loop sees it: images, network and loss as one task."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.errors import CheckpointError
from mien.messages import text_of
from mien.prefetch import prefetch
from mien.train.compute.distributed import World
from mien.train.compute.network import callable_network, computed_in, require_precision, unsynchronized
from mien.train.compute.norms import freeze, synchronize
from mien.train.compute.optimize import LossScale, Outcome, gradient_norm, make_optimizer, read_step, set_rate
from mien.train.compute.order import mix_seeds, parts_of_batch, reader_threads, share_of
from mien.train.compute.preprocess import prepare
from mien.train.detectors.dataset import SceneBatch, SceneDataset, batches
from mien.train.detectors.network import DetectorNetwork, Target
from mien.train.detectors.recipe import DetectorEvaluate, DetectorRecipe
from mien.train.detectors.registry import DETECTORS
from mien.train.detectors.report import write_detector_report
from mien.train.detectors.scene import Scene
from mien.train.detectors.validation import DetectionValidation, validate
from mien.train.detectors.weights import read_body, read_detector
from mien.train.run.checkpoint import Saved
from mien.train.run.digests import weights_digest

PARTS = ("scores", "boxes", "landmarks")
"""Names of the parts of the loss, in their order."""


class DetectionTask:
    """See mien.train.task.Task."""

    def __init__(self, recipe: DetectorRecipe, world: World) -> None:
        self.recipe, self.world = recipe, world
        parts_of_batch(recipe, world)
        require_precision(recipe.run, world)
        self.dataset = SceneDataset(recipe)
        self.steps_per_epoch = len(self.dataset) // recipe.schedule.batch
        self.steps = recipe.schedule.total_steps(self.steps_per_epoch)
        self._sets = [DetectionValidation(one) for one in recipe.evaluate]
        self.network = make_detector(recipe).to(world.device)
        if recipe.run.channels_last:
            self.network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if recipe.run.synchronize_norms and world.size > 1:
            synchronize(self.network, world)
        self._optimizer = make_optimizer(self.network, recipe.optimizer)
        self._model = callable_network(self.network, recipe.run, world)
        self._scale = LossScale.of(recipe.run.precision)

    @property
    def validation_sets(self) -> Sequence[DetectorEvaluate]:
        """The sets that the detector is evaluated on."""
        return self.recipe.evaluate

    def batches(self, start: int) -> Iterator[SceneBatch]:
        """This process's shares of the steps from `start` on."""
        share, threads = share_of(self.recipe, self.world), reader_threads(self.recipe.run)
        found = batches(self.dataset, self.recipe, share, threads, start, self.steps)
        if self.world.device.type != "cuda":
            return found
        # From pinned memory the pixels travel while the network computes.
        return prefetch(ThreadPoolExecutor(1, "pinning"), pinned, found, 2)

    def step(self, batch: SceneBatch, rate: float, *, stopping: bool = False) -> Outcome:
        """Train on one batch; nothing is changed if the outcome is not finite."""
        recipe, world, run = self.recipe, self.world, self.recipe.run
        torch.manual_seed(mix_seeds(recipe.seed, batch.step, world.rank))
        self._model.train()
        if recipe.init is not None and recipe.init.norms == "freeze":
            freeze(self._model)
        pixels = prepare(batch.images, self.network.spec, world.device, channels_last=run.channels_last)
        targets = targets_of(batch.scenes, world.device)
        self._optimizer.zero_grad(set_to_none=True)
        total = torch.zeros(3, device=world.device)
        each = len(pixels) // run.accumulate
        for number in range(run.accumulate):
            here = slice(number * each, (number + 1) * each)
            with unsynchronized(self._model, number == run.accumulate - 1):
                with computed_in(run.precision, world.device):
                    outputs = self._model(pixels[here])
                parts = self.network.losses(outputs, targets[here], recipe.detector.side, recipe.detector.side)
                # Divided by the counts of all processes and times their number, as gradients are averaged over them.
                counts = world.sum(parts.counts.detach().clone()).clamp(min=1)
                losses = self._weights(counts) * parts.sums / counts
                total += world.sum(losses.detach().clone()) / run.accumulate
                loss = losses.sum() * world.size / run.accumulate
                (loss * self._scale.value).backward()  # type: ignore[no-untyped-call]
        return self._update(rate, total, stopping=stopping)

    def _weights(self, like: Tensor) -> Tensor:
        return torch.tensor([1.0, self.recipe.loss.boxes, self.recipe.loss.landmarks], device=like.device)

    def _update(self, rate: float, total: Tensor, *, stopping: bool) -> Outcome:
        self._scale.undo(self.network)
        norm = gradient_norm(self.network, self.recipe.optimizer.clip).float()
        numbers = torch.cat([torch.stack([total.sum(), norm]), total])
        found = read_step(numbers, (~torch.isfinite(norm)).float(), self.world, stopping=stopping)
        loss, length, *rest = found.values
        outcome = self._scale.outcome(loss, length, good=found.good, stopping=found.stopping)
        if outcome.finite and not outcome.overflowed:
            set_rate(self._optimizer, rate)
            self._optimizer.step()
        return replace(outcome, parts=tuple(zip(PARTS, rest, strict=True)))

    def describe_fault(self, batch: SceneBatch) -> str:
        """Describe where the first NaN or infinity appeared and which images were in the batch."""
        shown = ", ".join(str(self.dataset.images[number].path) for number in batch.numbers[:3].tolist())
        for name, parameter in self.network.named_parameters():
            if not bool(torch.isfinite(parameter).all()):
                return f"the weights of {name} are not finite. The batch begins with {shown}"
        return f"the weights are finite, the loss of this batch is not. It begins with {shown}"

    def inputs(self) -> dict[str, str]:
        """Digests of the annotated images and of the weights of [init]."""
        init = self.recipe.init
        return {"data.sets": self.dataset.digest} | (
            {"init.weights": weights_digest(init.weights)} if init is not None else {}
        )

    def state(self) -> dict[str, Any]:
        """What the first process writes into a checkpoint."""
        return {
            "detector": self.recipe.detector.name,
            "pictures": len(self.dataset),
            "pixels": self.network.spec.model_dump(include={"colour", "mean", "scale"}),
            "weights": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scale": asdict(self._scale),
        }

    def shard(self) -> dict[str, Any]:
        """Nothing, as every process has the whole network."""
        return {}

    def restore(self, saved: Saved) -> None:
        """Continue from a checkpoint.

        Raises:
            CheckpointError: it was made with other data or another network.
        """
        state = saved.state
        count = state.get("pictures")
        if count != len(self.dataset):
            raise CheckpointError(
                f"{saved.where} was trained on {count} images, and the data have {len(self.dataset)}: "
                "restore the data, or start a new run from its weights with [init]"
            )
        saved.into(self.network, self._optimizer)
        self._scale.restore(state["scale"])

    def evaluate(self, number: int, step: int, folder: Path) -> tuple[dict[str, Any], str]:
        """Evaluate on one of the validation sets; see Task."""
        return validate(self._sets[number], self.network, self.world, self.recipe.run.precision)

    def report(self, folder: Path, language: str) -> tuple[str, ...]:
        """Write the run's report/ in a language; returns its first sentences."""
        report = write_detector_report(self.recipe, folder, self.dataset, language)
        return tuple(text_of(sentence, language) for sentence in report.headline)


def make_detector(recipe: DetectorRecipe) -> DetectorNetwork:
    """Build the network of a recipe, with random weights, those of [init], or the body of a classifier of ImageNet.

    Raises:
        CheckpointError: [init] names weights of another network.
    """
    torch.manual_seed(recipe.seed)
    network = DETECTORS[recipe.detector.name].build()
    if recipe.init is not None:
        body = read_body(recipe.init.weights, recipe.detector.name) if recipe.init.weights.is_file() else None
        if body is not None:
            network.load_state_dict(body, strict=False)
            return network
        found = read_detector(recipe.init.weights)
        if found is None or found.name != recipe.detector.name:
            what = found.name if found is not None else "not a detector that mien knows"
            raise CheckpointError(f"{recipe.init.weights} is {what}, and the recipe trains {recipe.detector.name}")
        network.load_state_dict(found.state)
    return network


def pinned(batch: SceneBatch) -> SceneBatch:
    """The batch with its images in memory from which a GPU reads on its own."""
    return replace(batch, images=batch.images.pin_memory())


def targets_of(scenes: Sequence[Scene], device: torch.device) -> list[Target]:
    """The faces of each scene as tensors; all of them travel to the device at once."""
    known = [scene.take(~scene.ignore) for scene in scenes]
    ignored = [scene.boxes[scene.ignore] for scene in scenes]
    faces = np.concatenate([np.hstack([one.boxes, one.landmarks.reshape(-1, 10)]) for one in known])
    there = torch.from_numpy(np.concatenate([faces, np.pad(np.concatenate(ignored), ((0, 0), (0, 10)))])).to(device)
    counts = [len(one.boxes) for one in known] + [len(boxes) for boxes in ignored]
    parts = torch.split(there, counts)
    return [
        Target(own[:, :4], own[:, 4:].reshape(-1, 5, 2), rest[:, :4])
        for own, rest in zip(parts[: len(known)], parts[len(known) :], strict=True)
    ]
