"""The images that a detector is trained on: their order, and batches read and augmented ahead of their use.

As with crops, the order and what is done to an image follow from the seed and its place in the training alone, so a
training can be resumed at any step, on any number of processes.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.multiprocessing import get_context

from mien.data.annotated import AnnotatedImage, read_annotated
from mien.data.sample import Problem
from mien.errors import RecipeError
from mien.image import read_image
from mien.prefetch import prefetch
from mien.train.compute.memory import keep_freed_memory
from mien.train.compute.order import BatchSlice, Indices, samples_of_steps
from mien.train.detectors.augment import ScenePlan, augment
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.detectors.scene import Scene, ignore_small, keep_inside
from mien.train.run.digests import table_digest

StepSamples = tuple[int, int, Indices]
"""A step, the place in the training of its first image, and its images."""


class SceneDataset:
    """The annotated images of a recipe's data sets.

    Attributes:
        images: with their faces, not yet read.
        problems: rows and images that cannot be used.
        faces: number of faces that count.
    """

    def __init__(self, recipe: DetectorRecipe) -> None:
        """Open them.

        Raises:
            ManifestError: a data set cannot be read.
            RecipeError: too few images, or none with a face.
        """
        sets = [read_annotated(path, recipe.data.split) for path in recipe.data.sets]
        self.images: tuple[AnnotatedImage, ...] = tuple(image for one in sets for image in one.images)
        self.problems: tuple[Problem, ...] = tuple(problem for one in sets for problem in one.problems)
        self.faces = sum(one.faces for one in sets)
        if not self.faces:
            raise RecipeError(f"{', '.join(str(p) for p in recipe.data.sets)}: no face with a box to learn from")
        if len(self.images) < recipe.schedule.batch:
            raise RecipeError(
                f"{len(self.images)} images do not fill one batch of {recipe.schedule.batch}; lower schedule.batch "
                "or add images"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def digest(self) -> str:
        """The same for the same images and boxes under other paths."""
        parts = [part for one in self.images for part in (one.boxes, one.landmarks, one.ignore)]
        return table_digest((one.path.name for one in self.images), *parts)

    def order(self, epoch: int, seed: int) -> Indices:
        """The images of an epoch."""
        return np.random.default_rng([seed, epoch]).permutation(len(self.images))


@dataclass(frozen=True, slots=True, eq=False)
class SceneBatch:
    """This process's share of a step.

    Attributes:
        step: number of the step in the training.
        images: (B, side, side, 3) uint8 RGB, augmented.
        scenes: the faces of each, without the image.
        numbers: (B,) which images of the data set they are.
    """

    step: int
    images: Tensor
    scenes: tuple[Scene, ...]
    numbers: Indices


@dataclass(frozen=True, slots=True, eq=False)
class SceneReader:
    """Reads and augments; each process that reads has one.

    Attributes:
        images: of the data set.
        plan: what is done to them.
        min_face: faces whose shorter side is smaller than this are ignored.
        seed: of the training.
        first: the first row of each batch that is read.
        last: one past the last row.
    """

    images: Sequence[AnnotatedImage]
    plan: ScenePlan
    min_face: float
    seed: int
    first: int
    last: int

    def scene(self, number: int) -> Scene:
        """Read an image with its faces.

        Raises:
            ImageError: it cannot be read.
        """
        image = self.images[number]
        scene = Scene(read_image(image.path), image.boxes, image.landmarks, image.ignore)
        return keep_inside(scene, clip=self.plan.squares.clip)

    def augmented(self, number: int, place: int) -> Scene:
        """Read and augment the image that has a place in the training."""
        generator = np.random.default_rng([self.seed, 1, place])
        more = lambda: self.scene(int(generator.integers(len(self.images))))  # noqa: E731
        return ignore_small(augment(lambda: self.scene(number), more, self.plan, generator), self.min_face)

    def read(self, item: StepSamples) -> SceneBatch:
        """Make this process's share of a step."""
        step, begin, whole = item
        own = whole[self.first : self.last]
        scenes = [self.augmented(int(number), begin + self.first + row) for row, number in enumerate(own)]
        images = torch.from_numpy(np.stack([scene.image for scene in scenes]))
        return SceneBatch(step, images, tuple(scene.without_image() for scene in scenes), own)


def batches(
    dataset: SceneDataset, recipe: DetectorRecipe, share: BatchSlice, threads: int, start: int, end: int
) -> Iterator[SceneBatch]:
    """Read and augment the batches of steps start to end - 1 ahead of their use.

    Raises:
        ImageError: an image cannot be read.
    """
    seed, processes = recipe.seed, recipe.run.processes
    reader = SceneReader(
        images=dataset.images,
        plan=recipe.augment.plan(recipe.detector.side),
        min_face=recipe.data.min_face,
        seed=seed,
        first=share.first,
        last=share.last,
    )
    items = samples_of_steps(lambda epoch: dataset.order(epoch, seed), len(dataset), share.batch, start, end)
    if processes:
        # Started afresh and not forked: this process has threads, and may have a GPU.
        pool = ProcessPoolExecutor(processes, get_context("spawn"), _start_reading, (reader,))
        yield from prefetch(pool, _read, items, processes + 2)
    else:
        yield from prefetch(ThreadPoolExecutor(threads, "reader"), reader.read, items, threads + 2)


_readers: list[SceneReader] = []
"""In a process that reads: its reader."""


def _start_reading(reader: SceneReader) -> None:
    keep_freed_memory()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    _readers.append(reader)


def _read(item: StepSamples) -> SceneBatch:
    """Read in a process; the images go back in shared memory, as torch does with tensors."""
    return _readers[0].read(item)
