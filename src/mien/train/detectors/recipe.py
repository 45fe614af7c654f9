"""The recipe of a detector: its data, augmentation, network, loss, and the sets that it is evaluated on."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mien.models.card import Strict
from mien.train.settings import Share, Training, ValidationSettings

Side = Annotated[int, Field(ge=64, le=4096, multiple_of=32)]


class Data(Strict):
    """What it is trained on."""

    sets: tuple[Path, ...] = Field(min_length=1)
    """Manifests with boxes, or sets that `mien data import` knows: WIDER FACE, RetinaFace's and SCRFD's lists."""
    split: str | None = None
    """Only rows of this split."""
    least: Annotated[float, Field(ge=0)] = 6.0
    """Faces whose shorter side is smaller than this, in pixels of the input, are ignored."""


class Augment(Strict):
    """What is done to a picture; see mien.train.detectors.augment."""

    smallest: Annotated[float, Field(gt=0)] = 0.3
    """Side of the random square, at least, as a share of the picture's shorter side."""
    largest: Annotated[float, Field(gt=0)] = 2.0
    """Likewise, at most; beyond the picture there is one colour."""
    near: Share = 0.5
    """Probability that the square is laid around a face, rather than anywhere."""
    mirror: Share = 0.5
    colour: Share = 0.5
    grey: Share = 0.0
    blur: Share = 0.0
    mosaic: Share = 0.0
    """Probability that four pictures share an input."""


class Detector(Strict):
    """The network."""

    name: Literal["scrfd-500m", "scrfd-2.5g", "scrfd-10g", "retinaface-mnet025", "retinaface-r50"]
    side: Side = 640
    """Width and height of the input in training, in pixels; any size goes in use."""


class Loss(Strict):
    """Weights of the parts of the loss, relative to the scores' part."""

    boxes: Annotated[float, Field(ge=0)] = 2.0
    landmarks: Annotated[float, Field(ge=0)] = 1.0


class Init(Strict):
    """Fine-tuning: what it starts from."""

    weights: Path
    """A checkpoint of mien's own, or biubug6's RetinaFace; its network must be the recipe's."""
    norms: Literal["train", "freeze"] = "train"
    """Whether BatchNorms go on gathering statistics and learning, or stay as they are."""


class Evaluate(ValidationSettings):
    """A set that a detector is evaluated on while training."""

    set: Path
    """As in [data]."""
    split: str | None = None
    longest: Annotated[int, Field(ge=64)] = 640
    """A picture with a longer side is shrunk to this."""


class DetectorRecipe(Training):
    """A training of a detector."""

    data: Data
    augment: Augment = Augment()
    detector: Detector
    loss: Loss = Loss()
    init: Init | None = None
    evaluate: tuple[Evaluate, ...] = ()
