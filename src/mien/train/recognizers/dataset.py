"""The crops that a recognizer is trained on: their classes, and batches read and augmented ahead of their use.

The order of an epoch follows from the seed alone, not from the number of processes or threads: a step of the global
batch is a part of that order, each process takes its share of it, and what is done to a crop follows from its place
in the order. So a training can be resumed at any step, on any number of processes. Aligns nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from mien.errors import RecipeError
from mien.prefetch import prefetch
from mien.train.compute.order import BatchSlice, Indices, Readers, samples_of_steps
from mien.train.compute.readers import ReaderProcesses, can_fork
from mien.train.recognizers.augment import augment
from mien.train.recognizers.sampling import balanced, capped, mixed
from mien.train.recognizers.sources import CropSource, open_source
from mien.train.run.digests import together
from mien.types import Image


@dataclass(frozen=True, slots=True)
class CropChoice:
    """Which crops take part.

    Attributes:
        min_crops: crops that a class needs; classes with fewer are left out.
        max_crops: maximum number of crops per class and epoch, drawn again for each epoch; 0 takes all.
        sampling: natural takes each of these once per epoch; balanced draws as many from them, with each class
            equally likely.
    """

    min_crops: int = 1
    max_crops: int = 0
    sampling: Literal["natural", "balanced"] = "natural"


class CropDataset:
    """All crops of a training, with labels 0 to classes - 1. Safe to read from several threads.

    Attributes:
        size: width and height of the crops in pixels.
        template: their pose.
        classes: names of the classes, in the order of their labels.
        places: (N,) the crops that take part, in the order of the data sets.
        labels: (N,) class of each of them.
        left_out: number of classes with too few crops.
    """

    def __init__(self, paths: Sequence[Path], size: int, template: str, choice: CropChoice = CropChoice()) -> None:
        """Open the data sets; a subject of one is another class than a subject of the same name in another.

        Raises:
            ManifestError: a data set cannot be read.
            RecipeError: crops of another size, a class without images, or fewer than two classes.
        """
        self.size, self.template, self._choice = size, template, choice
        self._sources = [open_source(path, size, template) for path in paths]
        self._starts = np.cumsum([0, *(len(source.labels) for source in self._sources)])
        first = np.cumsum([0, *(len(source.subjects) for source in self._sources)])
        every = np.concatenate([s.labels + f for s, f in zip(self._sources, first, strict=False)])
        kept = np.bincount(every, minlength=int(first[-1])) >= choice.min_crops
        number, inside = np.cumsum(kept) - 1, kept[every]
        self.left_out = int((~kept).sum())
        self.places: Indices = np.flatnonzero(inside)
        self.labels: Indices = number[every[inside]].astype(np.int64)
        names = [name for source in self._sources for name in source.subjects]
        self.classes: list[str] = [name for name, keep in zip(names, kept, strict=True) if keep]
        if len(self.classes) < 2:
            raise RecipeError(
                f"{', '.join(str(p) for p in paths)}: {len(self.classes)} class"
                f"{'es' if not self.classes else ''} with at least {choice.min_crops} crops; a head needs two "
                "classes: add subjects, or lower data.min_crops"
            )

    def __len__(self) -> int:
        return len(self.places)

    @property
    def epoch_length(self) -> int:
        """Number of crops in an epoch."""
        if self._choice.max_crops:
            return int(np.minimum(np.bincount(self.labels), self._choice.max_crops).sum())
        return len(self.places)

    @property
    def digest(self) -> str:
        """The same for the same data sets under other paths."""
        return together(source.digest for source in self._sources)

    def order(self, epoch: int, seed: int) -> Indices:
        """The crops of an epoch, as indices into `places` and `labels`."""
        generator = np.random.default_rng([seed, epoch])
        chosen = np.arange(len(self.places))
        if self._choice.max_crops:
            chosen = capped(self.labels, self._choice.max_crops, generator)
        if self._choice.sampling == "balanced":
            return chosen[balanced(self.labels[chosen], generator)]
        if not all(source.packed for source in self._sources):
            return generator.permutation(chosen)
        return mixed(chosen, generator)

    def read(self, number: int) -> Image:
        """Read one crop: (size, size, 3) uint8 RGB."""
        source, index = self._find(number)
        return source.read(index)

    def name(self, number: int) -> str:
        """What to call a crop in messages."""
        source, index = self._find(number)
        return source.name(index)

    def _find(self, number: int) -> tuple[CropSource, int]:
        place = int(self.places[number])
        which = int(np.searchsorted(self._starts, place, side="right")) - 1
        return self._sources[which], place - int(self._starts[which])


@dataclass(frozen=True, slots=True, eq=False)
class CropBatch:
    """This process's share of a step.

    Attributes:
        step: number of the step in the training.
        crops: (B, size, size, 3) uint8 RGB, augmented; on the card already where one computes.
        labels: (B,) classes.
        numbers: (B,) which crops of the data set they are.
        everyone: (global batch,) classes of all processes' shares.
    """

    step: int
    crops: Image | Tensor
    labels: Indices
    numbers: Indices
    everyone: Indices


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReading:
    """How batches are read.

    Attributes:
        share: of this process.
        seed: of order and augmentation.
        probabilities: of each kind of augmentation, by name.
        readers: what reads.
    """

    share: BatchSlice
    seed: int
    probabilities: Mapping[str, float]
    readers: Readers


@dataclass(frozen=True, slots=True, eq=False)
class _Share:
    """What this process reads of a step: its crops, and the place in the training of the first of them."""

    step: int
    place: int
    numbers: Indices
    everyone: Indices


def batches(crops: CropDataset, reading: BatchReading, start: int, end: int) -> Iterator[CropBatch]:
    """Read and augment the batches of steps start to end - 1 ahead of their use.

    Processes start with this call, not with the first batch.

    Raises:
        ImageError: a crop cannot be read.
        TrainingError: a process that reads has died.
    """
    share, seed, readers = reading.share, reading.seed, reading.readers
    shape = (share.last - share.first, crops.size, crops.size, 3)
    plan = samples_of_steps(lambda epoch: crops.order(epoch, seed), crops.epoch_length, share.batch, start, end)
    own = (
        _Share(step, begin + share.first, whole[share.first : share.last], crops.labels[whole])
        for step, begin, whole in plan
    )

    def fill(item: _Share, images: Image) -> None:
        for row, number in enumerate(item.numbers.tolist()):
            # What is done to a crop follows from its place in the training, whoever reads it.
            generator = np.random.default_rng([seed, 1, item.place + row])
            images[row] = augment(crops.read(number), crops.template, reading.probabilities, generator)

    def filled(item: _Share, images: Image) -> CropBatch:
        return CropBatch(item.step, images, crops.labels[item.numbers], item.numbers, item.everyone)

    def read(item: _Share) -> CropBatch:
        images = np.empty(shape, np.uint8)
        fill(item, images)
        return filled(item, images)

    if readers.processes and can_fork():
        pool = ReaderProcesses(fill, shape, readers.processes)
        return (filled(item, images.copy()) for item, images in pool.results(own))
    return prefetch(ThreadPoolExecutor(readers.threads, "reader"), read, own, readers.threads + 2)
