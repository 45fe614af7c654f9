"""The images that a detector is trained on: their order, and batches read and augmented ahead of their use.

As with crops, the order and what is done to an image follow from the seed and its place in the training alone, so a
training can be resumed at any step, on any number of processes.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mien.data.annotated import AnnotatedImage, read_annotated
from mien.data.sample import Problem
from mien.errors import RecipeError
from mien.image import read_image
from mien.prefetch import prefetch
from mien.train.compute.order import BatchSlice, Indices, samples_of_steps
from mien.train.detectors.augment import augment
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.detectors.scene import Scene, clipped, ignore_small
from mien.types import Image


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

    def order(self, epoch: int, seed: int) -> Indices:
        """The images of an epoch."""
        return np.random.default_rng([seed, epoch]).permutation(len(self.images))

    def scene(self, number: int) -> Scene:
        """Read an image with its faces.

        Raises:
            ImageError: it cannot be read.
        """
        image = self.images[number]
        return clipped(Scene(read_image(image.path), image.boxes, image.landmarks, image.ignore))


@dataclass(frozen=True, slots=True, eq=False)
class SceneBatch:
    """This process's share of a step.

    Attributes:
        step: number of the step in the training.
        images: (B, side, side, 3) uint8 RGB, augmented.
        scenes: the faces of each.
        numbers: (B,) which images of the data set they are.
    """

    step: int
    images: Image
    scenes: tuple[Scene, ...]
    numbers: Indices


def batches(
    dataset: SceneDataset, recipe: DetectorRecipe, share: BatchSlice, threads: int, start: int, end: int
) -> Iterator[SceneBatch]:
    """Read and augment the batches of steps start to end - 1 ahead of their use.

    Raises:
        ImageError: an image cannot be read.
    """
    seed, plan = recipe.seed, recipe.augment.plan(recipe.detector.side)

    def read(item: tuple[int, int, Indices]) -> SceneBatch:
        step, begin, whole = item
        own = whole[share.first : share.last]
        scenes = []
        for row, number in enumerate(own.tolist()):
            generator = np.random.default_rng([seed, 1, begin + share.first + row])

            def more(generator: np.random.Generator = generator) -> Scene:
                return dataset.scene(int(generator.integers(len(dataset))))

            scene = augment(lambda n=number: dataset.scene(n), more, plan, generator)  # type: ignore[misc]
            scenes.append(ignore_small(scene, recipe.data.min_face))
        return SceneBatch(step, np.stack([scene.image for scene in scenes]), tuple(scenes), own)

    items = samples_of_steps(lambda epoch: dataset.order(epoch, seed), len(dataset), share.batch, start, end)
    with ThreadPoolExecutor(threads, "reader") as pool:
        yield from prefetch(pool, read, items, threads + 2)
