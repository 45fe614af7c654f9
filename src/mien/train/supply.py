"""A recipe's data, checked as far as can be before the first step, and its batches. Builds no network."""

from collections.abc import Iterator
from dataclasses import dataclass

from mien.data.pack import Pack, is_pack
from mien.errors import RecipeError
from mien.models.engines import usable_cores
from mien.train.backbones.known import pixels_of
from mien.train.crops import Batch, Choice, Crops, Share, batches
from mien.train.recipe import Recipe
from mien.train.world import ALONE, World


@dataclass(frozen=True, slots=True)
class Length:
    """Steps of an epoch and of the whole training."""

    an_epoch: int
    steps: int


def open_crops(recipe: Recipe, world: World = ALONE) -> Crops:
    """The recipe's data, checked as far as can be before the first step.

    Raises:
        ManifestError: a data set cannot be read, or a pack's checksums fail.
        RecipeError: too few classes, or a batch that cannot be shared out.
    """
    pixels, data = pixels_of(recipe.model.backbone), recipe.data
    if recipe.data.check:
        _check_packs(recipe)
    crops = Crops(data.sets, pixels.size, pixels.template, Choice(data.least, data.most, data.sampling))
    batch, parts = recipe.schedule.batch, world.size * recipe.run.accumulate
    if batch % parts:
        raise RecipeError(
            f"a batch of {batch} cannot be shared out to {world.size} processes in {recipe.run.accumulate} parts; "
            f"take a multiple of {parts}"
        )
    if batch // parts < 2:
        raise RecipeError(f"a batch of {batch} leaves a process {batch // parts}, and BatchNorm needs two crops")
    if crops.an_epoch < batch:
        raise RecipeError(
            f"{len(crops)} crops do not fill one batch of {batch}; lower schedule.batch or give more crops"
        )
    if pixels.template != "arcface" and (recipe.augment.mask or recipe.augment.glasses):
        raise RecipeError("augment.mask and augment.glasses are drawn on the arcface pose alone; set them to 0")
    return crops


def _check_packs(recipe: Recipe) -> None:
    for path in recipe.data.sets:
        if is_pack(path):
            problem = next(Pack(path).check(), None)
            if problem is not None:
                raise RecipeError(f"{path}: {problem.where}: {problem.reason}; run `mien data check {path}`")


def length_of(recipe: Recipe, crops: Crops) -> Length:
    """Steps of an epoch and of the training."""
    an_epoch = crops.an_epoch // recipe.schedule.batch
    schedule = recipe.schedule
    return Length(an_epoch, schedule.steps or max(1, round((schedule.epochs or 0) * an_epoch)))


def batches_of(recipe: Recipe, crops: Crops, world: World, start: int, end: int) -> Iterator[Batch]:
    """This process's shares of steps start to end - 1; see mien.train.crops.batches."""
    share = Share(recipe.schedule.batch, *world.slice_of(recipe.schedule.batch))
    threads = recipe.run.threads or max(1, usable_cores() // 2)
    return batches(crops, share, recipe.seed, recipe.augment, threads, start, end)
