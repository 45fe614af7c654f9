"""The pictures that a detector is trained on: their order, and batches read and augmented ahead of their use.

As with crops, the order and what is done to a picture follow from the seed and its place in the training alone, so a
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
from mien.train.detectors.augment import Scene, augment, clipped, ignore_small
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.order import BatchSlice, Indices, samples_of_steps
from mien.types import Image


class SceneDataset:
    """The pictures of a recipe's data sets."""

    def __init__(self, recipe: DetectorRecipe) -> None:
        """Open them.

        Raises:
            ManifestError: a data set cannot be read.
            RecipeError: too few pictures, or none with a face.
        """
        sets = [read_annotated(path, recipe.data.split) for path in recipe.data.sets]
        self.pictures: tuple[AnnotatedImage, ...] = tuple(picture for one in sets for picture in one.images)
        self.problems: tuple[Problem, ...] = tuple(problem for one in sets for problem in one.problems)
        self.faces = sum(one.faces for one in sets)
        if not self.faces:
            raise RecipeError(f"{', '.join(str(p) for p in recipe.data.sets)}: no face with a box to learn from")
        if len(self.pictures) < recipe.schedule.batch:
            raise RecipeError(
                f"{len(self.pictures)} pictures do not fill one batch of {recipe.schedule.batch}; lower "
                "schedule.batch or give more pictures"
            )

    def __len__(self) -> int:
        return len(self.pictures)

    def order(self, epoch: int, seed: int) -> Indices:
        """The pictures of an epoch."""
        return np.random.default_rng([seed, epoch]).permutation(len(self.pictures))

    def scene(self, number: int) -> Scene:
        """A picture, decoded, with its faces.

        Raises:
            ImageError: it cannot be read.
        """
        picture = self.pictures[number]
        return clipped(Scene(read_image(picture.path), picture.boxes, picture.landmarks, picture.ignore))


@dataclass(frozen=True, slots=True, eq=False)
class SceneBatch:
    """This process's share of a step.

    Attributes:
        step: its number in the training.
        images: (B, side, side, 3) uint8 RGB, augmented.
        scenes: the faces of each.
        numbers: (B,) which pictures they are.
    """

    step: int
    images: Image
    scenes: tuple[Scene, ...]
    numbers: Indices


def batches(
    pictures: SceneDataset, recipe: DetectorRecipe, share: BatchSlice, threads: int, start: int, end: int
) -> Iterator[SceneBatch]:
    """The batches of steps start to end - 1.

    Raises:
        ImageError: a picture cannot be read.
    """
    side, seed = recipe.detector.side, recipe.seed

    def read(item: tuple[int, int, Indices]) -> SceneBatch:
        step, begin, whole = item
        own = whole[share.first : share.last]
        scenes = []
        for row, number in enumerate(own.tolist()):
            generator = np.random.default_rng([seed, 1, begin + share.first + row])

            def more(generator: np.random.Generator = generator) -> Scene:
                return pictures.scene(int(generator.integers(len(pictures))))

            scene = augment(lambda n=number: pictures.scene(n), more, side, recipe.augment, generator)  # type: ignore[misc]
            scenes.append(ignore_small(scene, recipe.data.least))
        return SceneBatch(step, np.stack([scene.image for scene in scenes]), tuple(scenes), own)

    def plan() -> Iterator[tuple[int, int, Indices]]:
        return samples_of_steps(lambda epoch: pictures.order(epoch, seed), len(pictures), share.batch, start, end)

    with ThreadPoolExecutor(threads, "reader") as pool:
        yield from prefetch(pool, read, plan(), threads + 2)
