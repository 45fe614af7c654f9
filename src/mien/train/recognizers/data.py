"""A recipe's crops, checked as far as possible before the first step. Builds no network."""

from mien.data.pack import Pack, is_pack
from mien.data.pack_check import check_pack
from mien.errors import RecipeError
from mien.train.compute.distributed import ALONE, World
from mien.train.compute.order import parts_of_batch
from mien.train.recognizers.augment import AUGMENTATIONS
from mien.train.recognizers.backbones.registry import spec_of
from mien.train.recognizers.dataset import CropChoice, CropDataset
from mien.train.recognizers.recipe import RecognizerRecipe


def open_dataset(recipe: RecognizerRecipe, world: World = ALONE) -> CropDataset:
    """Open the recipe's data.

    Raises:
        ManifestError: a data set cannot be read, or a pack's checksums fail.
        RecipeError: too few classes, a batch that cannot be divided, or an augmentation that does not fit the crops.
    """
    spec, data = spec_of(recipe.model.backbone), recipe.data
    if data.check:
        _check_packs(recipe)
    choice = CropChoice(data.min_crops, data.max_crops, data.sampling)
    crops = CropDataset(data.sets, spec.size, spec.template, choice)
    _require_batches(recipe, crops, world)
    drawn = [name for name, chance in recipe.augment.probabilities().items() if chance and AUGMENTATIONS[name].drawn]
    if spec.template != "arcface" and drawn:
        raise RecipeError(f"augment.{drawn[0]} is drawn only on crops of the arcface template; set it to 0")
    return crops


def _require_batches(recipe: RecognizerRecipe, crops: CropDataset, world: World) -> None:
    batch, parts = recipe.schedule.batch, parts_of_batch(recipe, world)
    if batch // parts < 2:
        raise RecipeError(f"a batch of {batch} leaves a process {batch // parts}, and BatchNorm needs two crops")
    if crops.epoch_length < batch:
        raise RecipeError(f"{len(crops)} crops do not fill one batch of {batch}; lower schedule.batch or add crops")


def _check_packs(recipe: RecognizerRecipe) -> None:
    for path in recipe.data.sets:
        if is_pack(path):
            for problem in check_pack(Pack(path)):
                raise RecipeError(f"{path}: {problem.where}: {problem.reason}; run `mien data check {path}`")
