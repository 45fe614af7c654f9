"""The recipe of a detector: its data, augmentation, network, loss, and the sets that it is evaluated on.

[augment] has one key per kind of augmentation, which follow from their table. Reads no file.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from mien.models.card import Strict
from mien.train.detectors.augment import AUGMENTATIONS, ScenePlan, Squares
from mien.train.detectors.registry import DETECTORS
from mien.train.recipe.io import RecipeFormat
from mien.train.recipe.registry import name_in
from mien.train.recipe.settings import Fraction, RunSettings, Training, ValidationSettings

Side = Annotated[int, Field(ge=64, le=4096, multiple_of=32)]


class DetectorData(Strict):
    """What a detector is trained on."""

    sets: tuple[Path, ...] = Field(min_length=1)
    """Manifests with boxes, or sets that `mien data import` knows: WIDER FACE, RetinaFace's and SCRFD's lists."""
    split: str | None = None
    """Only rows of this split."""
    min_face: Annotated[float, Field(ge=0)] = 6.0
    """Faces whose shorter side is smaller than this, in pixels of the input, are ignored."""


class SceneAugmentSettings(Strict):
    """How a part of an image is chosen, and the probability of each kind of change, by the names of AUGMENTATIONS."""

    smallest: Annotated[float, Field(gt=0)] = 0.3
    """Minimum side of the random square, as a share of the image's shorter side."""
    largest: Annotated[float, Field(gt=0)] = 2.0
    """Maximum side of the random square; beyond the image there is one colour."""
    shares: tuple[Annotated[float, Field(gt=0)], ...] = ()
    """Sides of the random square that are drawn from, each equally often, in place of smallest and largest."""
    near: Fraction = 0.5
    """Probability that the square is placed around a face instead of anywhere."""
    mosaic: Fraction = 0.0
    """Probability that four images share an input."""
    clip: bool = True
    """Cut boxes at the edges of the input, as InsightFace does for SCRFD-0.5G; false keeps them whole, as it does for
    the sizes above."""

    def plan(self, side: int) -> ScenePlan:
        """What is done to an image for an input of `side` pixels."""
        kinds = set(type(self).model_fields) - set(SceneAugmentSettings.model_fields)
        squares = Squares(self.smallest, self.largest, self.near, self.clip, self.shares)
        return ScenePlan(side, squares, self.mosaic, {name: float(getattr(self, name)) for name in kinds})


class DetectorSettings(Strict):
    """The network."""

    name: Annotated[str, name_in(DETECTORS, "detector")]
    side: Side = 640
    """Width and height of the input in training, in pixels; in use the input may have any size."""


class LossWeights(Strict):
    """Weights of the parts of the loss, relative to the scores' part."""

    boxes: Annotated[float, Field(ge=0)] = 2.0
    landmarks: Annotated[float, Field(ge=0)] = 1.0


class DetectorInit(Strict):
    """Fine-tuning: what a training starts from."""

    weights: Path
    """A checkpoint of mien's own, or biubug6's RetinaFace; its network has to be the recipe's. For a RetinaFace
    also a classifier of ImageNet: torchvision's resnet50, or biubug6's MobileNet-0.25."""
    norms: Literal["train", "freeze"] = "train"
    """Whether BatchNorms continue to gather statistics and to learn, or stay as they are."""


class DetectorRun(RunSettings):
    """How a training of a detector runs."""

    processes: Annotated[int, Field(ge=0)] = 0
    """Processes that read and augment images, in place of threads: worth it where a GPU waits for its batches."""


class DetectorEvaluate(ValidationSettings):
    """A set that a detector is evaluated on while it is trained."""

    set: Path
    """As in [data]."""
    split: str | None = None
    longest: Annotated[int, Field(ge=64)] = 640
    """An image with a longer side is shrunk to this."""


class DetectorRecipe(Training):
    """A training of a detector."""

    data: DetectorData
    augment: SceneAugmentSettings
    detector: DetectorSettings
    loss: LossWeights = LossWeights()
    init: DetectorInit | None = None
    run: DetectorRun = DetectorRun()
    evaluate: tuple[DetectorEvaluate, ...] = ()


def detector_schema(content: Mapping[str, Any]) -> type[DetectorRecipe]:
    """The schema for a recipe's content: [augment] gets the keys that its table has now."""
    return _schema(tuple((name, kind.probability) for name, kind in AUGMENTATIONS.items()))


@lru_cache
def _schema(augmentations: tuple[tuple[str, float], ...]) -> type[DetectorRecipe]:
    keys: dict[str, Any] = {name: (Fraction, probability) for name, probability in augmentations}
    augment = create_model("SceneAugmentSettings", __base__=SceneAugmentSettings, **keys)
    return create_model("DetectorRecipe", __base__=DetectorRecipe, augment=(augment, augment()))


DETECTOR_RECIPE = RecipeFormat("detector", detector_schema, {"data.least": "data.min_face"})
