"""The crops that a network is trained on: packs, folders of aligned crops, RecordIO; their classes and their order.

The order of an epoch follows from the seed alone, not from the number of processes or threads: a step of the global
batch is a stretch of that order, each process takes its share of it, and what is done to a crop follows from its
place in the order. So a training can be resumed at any step, on any number of processes. Aligns nothing.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mien.data.pack import STRETCH, Pack, is_pack
from mien.data.pack_check import check_pack
from mien.errors import RecipeError
from mien.models.engines import usable_cores
from mien.prefetch import prefetch
from mien.train.distributed import ALONE, World
from mien.train.order import BatchSlice, Indices, samples_of_steps
from mien.train.recognizers.augment import augment
from mien.train.recognizers.backbones.registry import pixels_of
from mien.train.recognizers.recipe import Augment, Recipe
from mien.train.recognizers.sources import CropSource, open_source
from mien.types import Image

Sampling = Literal["natural", "balanced"]

MIXED = 32
"""Stretches of a pack that are shuffled together: about 250 MB of crops, which the system keeps in memory."""


@dataclass(frozen=True, slots=True)
class ClassChoice:
    """Which crops take part.

    Attributes:
        least: a class needs so many crops; others are left out.
        most: crops of a class in an epoch, drawn anew each time; 0 takes all.
        sampling: natural takes every crop once an epoch; balanced draws as many, each class being equally likely.
    """

    least: int = 1
    most: int = 0
    sampling: Sampling = "natural"


class CropDataset:
    """All crops of a training, with labels 0 to classes - 1. Safe to read from several threads."""

    def __init__(self, paths: Sequence[Path], size: int, template: str, choice: ClassChoice = ClassChoice()) -> None:
        """Open the data sets; a subject of one is another class than a subject of the same name in another.

        Raises:
            ManifestError: a data set cannot be read.
            RecipeError: crops of another size, a class without images, or fewer than two classes.
        """
        self.sources = [open_source(path, size, template) for path in paths]
        self.size, self.template, self.choice = size, template, choice
        counts = [np.bincount(source.labels, minlength=len(source.subjects)) for source in self.sources]
        self.starts = np.cumsum([0, *(len(source.labels) for source in self.sources)])
        first = np.cumsum([0, *(len(source.subjects) for source in self.sources)])
        every = np.concatenate([s.labels + f for s, f in zip(self.sources, first, strict=False)])
        kept = np.concatenate(counts) >= max(1, choice.least)
        self.left_out = int((~kept).sum())
        """Classes with too few crops."""
        number = np.cumsum(kept) - 1
        inside = kept[every]
        self.places: Indices = np.flatnonzero(inside)
        """(N,) the crops that take part, in the order of the data sets."""
        self.labels: Indices = number[every[inside]].astype(np.int64)
        """(N,) class of each."""
        names = [name for source in self.sources for name in source.subjects]
        self.classes: list[str] = [name for name, keep in zip(names, kept, strict=True) if keep]
        if len(self.classes) < 2:
            raise RecipeError(
                f"{', '.join(str(p) for p in paths)}: {len(self.classes)} class"
                f"{'es' if not self.classes else ''} with at least {max(1, choice.least)} crops; a head needs two "
                "classes: give more subjects, or lower data.least"
            )

    def __len__(self) -> int:
        return len(self.places)

    @property
    def epoch_length(self) -> int:
        """CropDataset in an epoch."""
        if self.choice.most and self.choice.sampling == "natural":
            return int(np.minimum(np.bincount(self.labels), self.choice.most).sum())
        return len(self.places)

    def order(self, epoch: int, seed: int) -> Indices:
        """The crops of an epoch, as numbers into `places` and `labels`."""
        generator = np.random.default_rng([seed, epoch])
        if self.choice.sampling == "balanced":
            return _balanced(self.labels, generator)
        chosen = np.arange(len(self.places))
        if self.choice.most:
            chosen = _capped(self.labels, self.choice.most, generator)
        if not all(source.packed for source in self.sources):
            return generator.permutation(chosen)
        return mixed(chosen, generator)

    def read(self, number: int) -> Image:
        """One crop: (size, size, 3) uint8 RGB."""
        source, index = self._find(number)
        return source.read(index)

    def name(self, number: int) -> str:
        """What to call a crop in messages."""
        source, index = self._find(number)
        return source.name(index)

    def _find(self, number: int) -> tuple[CropSource, int]:
        place = int(self.places[number])
        which = int(np.searchsorted(self.starts, place, side="right")) - 1
        return self.sources[which], place - int(self.starts[which])


def mixed(chosen: Indices, generator: np.random.Generator) -> Indices:
    """A random order in which neighbours come from a few stretches, so that a disk reads on.

    A pack's own order is random already; its stretches are dealt into groups, and each group is shuffled.
    """
    stretches = [chosen[first : first + STRETCH] for first in range(0, len(chosen), STRETCH)]
    dealt = generator.permutation(len(stretches))
    groups = [dealt[first : first + MIXED] for first in range(0, len(dealt), MIXED)]
    return np.concatenate([generator.permutation(np.concatenate([stretches[i] for i in group])) for group in groups])


def _capped(labels: Indices, most: int, generator: np.random.Generator) -> Indices:
    """At most so many crops of each class, drawn at random, in their order."""
    shuffled = generator.permutation(len(labels))
    grouped = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    rank = np.arange(len(grouped)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(grouped[rank < most])


def _balanced(labels: Indices, generator: np.random.Generator) -> Indices:
    """As many draws as crops: a class, then one of its crops."""
    grouped = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    starts = np.cumsum(counts) - counts
    drawn = generator.integers(0, len(counts), len(labels))
    return np.asarray(grouped[starts[drawn] + (generator.random(len(labels)) * counts[drawn]).astype(np.int64)])


@dataclass(frozen=True, slots=True, eq=False)
class CropBatch:
    """This process's share of a step.

    Attributes:
        step: its number in the training.
        crops: (B, size, size, 3) uint8 RGB, augmented.
        labels: (B,) classes.
        numbers: (B,) which crops they are.
        everyone: (global batch,) classes of all processes' shares.
    """

    step: int
    crops: Image
    labels: Indices
    numbers: Indices
    everyone: Indices


def batches(
    crops: CropDataset, share: BatchSlice, seed: int, chances: Augment, threads: int, start: int, end: int
) -> Iterator[CropBatch]:
    """The batches of steps start to end - 1, read and augmented ahead of their use.

    Args:
        crops: what is read.
        share: of this process.
        seed: of order and augmentation.
        chances: of augmentation.
        threads: that read.
        start: the first step.
        end: one past the last.

    Raises:
        ImageError: a crop cannot be read.
    """

    def plan() -> Iterator[tuple[int, int, Indices]]:
        return samples_of_steps(lambda epoch: crops.order(epoch, seed), crops.epoch_length, share.batch, start, end)

    def read(item: tuple[int, int, Indices]) -> CropBatch:
        step, begin, whole = item
        own = whole[share.first : share.last]
        images = np.empty((len(own), crops.size, crops.size, 3), np.uint8)
        for row, number in enumerate(own.tolist()):
            # What is done to a crop follows from its place in the training, whoever reads it.
            generator = np.random.default_rng([seed, 1, begin + share.first + row])
            images[row] = augment(crops.read(number), crops.template, chances, generator)
        return CropBatch(step, images, crops.labels[own], own, crops.labels[whole])

    with ThreadPoolExecutor(threads, "reader") as pool:
        yield from prefetch(pool, read, plan(), threads + 2)


@dataclass(frozen=True, slots=True)
class Length:
    """Steps of an epoch and of the whole training."""

    steps_per_epoch: int
    steps: int


def open_dataset(recipe: Recipe, world: World = ALONE) -> CropDataset:
    """The recipe's data, checked as far as can be before the first step.

    Raises:
        ManifestError: a data set cannot be read, or a pack's checksums fail.
        RecipeError: too few classes, or a batch that cannot be shared out.
    """
    pixels, data = pixels_of(recipe.model.backbone), recipe.data
    if recipe.data.check:
        _check_packs(recipe)
    crops = CropDataset(data.sets, pixels.size, pixels.template, ClassChoice(data.least, data.most, data.sampling))
    batch, parts = recipe.schedule.batch, world.size * recipe.run.accumulate
    if batch % parts:
        raise RecipeError(
            f"a batch of {batch} cannot be shared out to {world.size} processes in {recipe.run.accumulate} parts; "
            f"take a multiple of {parts}"
        )
    if batch // parts < 2:
        raise RecipeError(f"a batch of {batch} leaves a process {batch // parts}, and BatchNorm needs two crops")
    if crops.epoch_length < batch:
        raise RecipeError(
            f"{len(crops)} crops do not fill one batch of {batch}; lower schedule.batch or give more crops"
        )
    if pixels.template != "arcface" and (recipe.augment.mask or recipe.augment.glasses):
        raise RecipeError("augment.mask and augment.glasses are drawn on the arcface pose alone; set them to 0")
    return crops


def _check_packs(recipe: Recipe) -> None:
    for path in recipe.data.sets:
        if is_pack(path):
            for problem in check_pack(Pack(path)):
                raise RecipeError(f"{path}: {problem.where}: {problem.reason}; run `mien data check {path}`")


def length_of(recipe: Recipe, crops: CropDataset) -> Length:
    """Steps of an epoch and of the training."""
    steps_per_epoch = crops.epoch_length // recipe.schedule.batch
    schedule = recipe.schedule
    return Length(steps_per_epoch, schedule.steps or max(1, round((schedule.epochs or 0) * steps_per_epoch)))


def batches_of(recipe: Recipe, crops: CropDataset, world: World, start: int, end: int) -> Iterator[CropBatch]:
    """This process's shares of steps start to end - 1; see `batches`."""
    share = BatchSlice(recipe.schedule.batch, *world.slice_of(recipe.schedule.batch))
    threads = recipe.run.threads or max(1, usable_cores() // 2)
    return batches(crops, share, recipe.seed, recipe.augment, threads, start, end)
