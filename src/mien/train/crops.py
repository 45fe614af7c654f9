"""The crops that a network is trained on: packs, folders of aligned crops, RecordIO; their classes and their order.

The order of an epoch follows from the seed alone, not from the number of processes or threads: a step of the global
batch is a stretch of that order, each process takes its share of it, and what is done to a crop follows from its
place in the order. So a training can be resumed at any step, on any number of processes. Aligns nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.data.encoded import read_encoded
from mien.data.manifest_io import read_samples
from mien.data.pack import STRETCH, Pack, is_pack
from mien.data.sample import Sample
from mien.errors import ManifestError, RecipeError
from mien.image import decode, find_images
from mien.prefetch import prefetch
from mien.train.augment import augment
from mien.train.recipe import Augment
from mien.types import Image

Indices = NDArray[np.int64]
Sampling = Literal["natural", "balanced"]

MIXED = 32
"""Stretches of a pack that are shuffled together: about 250 MB of crops, which the system keeps in memory."""


@dataclass(frozen=True, slots=True)
class Source:
    """One data set: how to read a crop, and whose it is."""

    where: str
    subjects: tuple[str, ...]
    labels: Indices
    read: Callable[[int], Image]
    name: Callable[[int], str]
    packed: bool


def open_source(path: Path, size: int, template: str) -> Source:
    """Open a pack, a folder of subjects with aligned crops, or a manifest of aligned crops.

    Raises:
        ManifestError: none of these, or crops of another size or pose.
        RecipeError: a subject's folder without images.
    """
    if is_pack(path):
        pack = Pack(path)
        require_pose(pack, size, template)
        return Source(
            str(path), tuple(pack.subjects), pack.labels, pack.read, lambda index: f"crop {index} of {path}", True
        )
    if (path / "plan.json").is_file():
        Pack(path)  # An unfinished pack says so itself.
    if path.is_dir():
        _require_images(path)
    samples = read_samples(path)
    if not samples:
        raise ManifestError(f"{path} holds no images")
    nameless = next((sample for sample in samples if not sample.subject), None)
    if nameless is not None:
        raise RecipeError(f"{nameless.name} has no subject, and training needs one for every crop")
    names, labels = np.unique([sample.subject for sample in samples], return_inverse=True)
    return Source(
        str(path),
        tuple(names.tolist()),
        labels.astype(np.int64),
        lambda index: _read(samples[index], size),
        lambda index: samples[index].name,
        False,
    )


def require_pose(pack: Pack, size: int, template: str) -> None:
    """Refuse a pack whose crops a network cannot take.

    Raises:
        RecipeError: another size or pose.
    """
    if (pack.size, pack.template) != (size, template):
        raise RecipeError(
            f"{pack.folder} holds {pack.template} crops of {pack.size} pixels, the network takes {template} crops "
            f"of {size}: prepare a pack with --template {template} --size {size}"
        )


def _require_images(folder: Path) -> None:
    for subject in sorted(child for child in folder.iterdir() if child.is_dir()):
        if not find_images(subject):
            raise RecipeError(f"the class {subject} has no images: add some, or remove the folder")


def _read(sample: Sample, size: int) -> Image:
    image = decode(read_encoded(sample), sample.name).image
    if image.shape[:2] != (size, size):
        raise RecipeError(
            f"{sample.name} has {image.shape[1]}x{image.shape[0]} pixels, and aligned crops of {size}x{size} are "
            "needed: make a pack with `mien data prepare`"
        )
    return image


@dataclass(frozen=True, slots=True)
class Choice:
    """Which crops take part.

    Attributes:
        least: a class needs so many crops; others are left out.
        most: crops of a class in an epoch, drawn anew each time; 0 takes all.
        sampling: natural takes every crop once an epoch; balanced draws as many, each class being equally likely.
    """

    least: int = 1
    most: int = 0
    sampling: Sampling = "natural"


class Crops:
    """All crops of a training, with labels 0 to classes - 1. Safe to read from several threads."""

    def __init__(self, paths: Sequence[Path], size: int, template: str, choice: Choice = Choice()) -> None:
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
    def an_epoch(self) -> int:
        """Crops in an epoch."""
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

    def _find(self, number: int) -> tuple[Source, int]:
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
class Batch:
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


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of each global batch a process reads: rows first to last of `batch`."""

    batch: int
    first: int
    last: int


def stretches(
    order_of: Callable[[int], Indices], an_epoch: int, batch: int, start: int, end: int
) -> Iterator[tuple[int, int, Indices]]:
    """What the steps start to end - 1 read.

    Args:
        order_of: gives the order of an epoch.
        an_epoch: how long it is.
        batch: of all processes.
        start: the first step.
        end: one past the last.

    Yields:
        A step, the place in the training of its first sample, and the samples.
    """
    steps = an_epoch // batch
    epoch, order = -1, np.empty(0, np.int64)
    for step in range(start, end):
        if step // steps != epoch:
            epoch = step // steps
            order = order_of(epoch)
        begin = step % steps * batch
        yield step, epoch * len(order) + begin, order[begin : begin + batch]


def batches(
    crops: Crops, share: Share, seed: int, chances: Augment, threads: int, start: int, end: int
) -> Iterator[Batch]:
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
        return stretches(lambda epoch: crops.order(epoch, seed), crops.an_epoch, share.batch, start, end)

    def read(item: tuple[int, int, Indices]) -> Batch:
        step, begin, whole = item
        own = whole[share.first : share.last]
        images = np.empty((len(own), crops.size, crops.size, 3), np.uint8)
        for row, number in enumerate(own.tolist()):
            # What is done to a crop follows from its place in the training, whoever reads it.
            generator = np.random.default_rng([seed, 1, begin + share.first + row])
            images[row] = augment(crops.read(number), crops.template, chances, generator)
        return Batch(step, images, crops.labels[own], own, crops.labels[whole])

    with ThreadPoolExecutor(threads, "reader") as pool:
        yield from prefetch(pool, read, plan(), threads + 2)
