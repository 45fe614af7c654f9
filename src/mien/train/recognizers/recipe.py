"""The recipe of a recognizer: its data, augmentation, backbone, head, and the sets that it is evaluated on."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mien.models.card import Strict
from mien.train.settings import Share, Training, ValidationSettings


class Data(Strict):
    """What it is trained on."""

    sets: tuple[Path, ...] = Field(min_length=1)
    """Packs, folders of subjects with aligned crops, or manifests of them."""
    least: Annotated[int, Field(ge=1)] = 1
    """Crops that a class needs; others are left out."""
    most: Annotated[int, Field(ge=0)] = 0
    """Crops of a class in an epoch; 0 takes all."""
    sampling: Literal["natural", "balanced"] = "natural"
    check: bool = False
    """Whether every checksum of the packs is compared before the first step."""


class Augment(Strict):
    """The probability of each kind of augmentation; see mien.train.recognizers.augment."""

    mirror: Share = 0.5
    colour: Share = 0.0
    jpeg: Share = 0.0
    blur: Share = 0.0
    downscale: Share = 0.0
    crop: Share = 0.0
    mask: Share = 0.0
    glasses: Share = 0.0


class Model(Strict):
    """The network."""

    backbone: str
    embedding: Annotated[int, Field(ge=8, le=4096)] = 512
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    colour: Literal["RGB", "BGR"] | None = None
    """None takes what the layout's authors trained with."""


class Head(Strict):
    """The head; numbers that are not given are the head's own, see mien.train.recognizers.heads."""

    name: Literal["softmax", "arcface", "cosface", "combined", "curricularface", "adaface", "sub-center-arcface"] = (
        "arcface"
    )
    scale: Annotated[float | None, Field(gt=0)] = None
    margin: Annotated[float | None, Field(ge=0)] = None
    exact: bool | None = None
    """ArcFace's true gradient, or arcface_torch's straight-through form."""
    centres: Annotated[int | None, Field(ge=1)] = None
    factor: Annotated[float | None, Field(gt=0)] = None
    shift: float | None = None
    momentum: Annotated[float | None, Field(gt=0, le=1)] = None
    concentration: Annotated[float | None, Field(gt=0)] = None
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the classes in a step (partial FC)."""


class Init(Strict):
    """Fine-tuning: what it starts from."""

    weights: Path | Literal["dlib-resnet"]
    """A checkpoint of any layout that mien knows, one of mien's own, or the default recognizer's weights."""
    head: Literal["class means", "random"] = "class means"
    freeze: tuple[int, ...] = ()
    """Stages that stay as they are, 0 at the input."""
    freeze_epochs: Annotated[float, Field(ge=0)] = 0.0
    """Until when; 0 freezes them for good."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Learning rate of each stage as a share of the next one's."""
    norms: Literal["train", "freeze"] = "train"
    """Whether BatchNorms go on gathering statistics and learning, or stay as they are."""
    anchor: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the squared distance between the new and the old embedding of each crop, against forgetting."""


class Evaluate(ValidationSettings):
    """A set that a recognizer is evaluated on while training."""

    set: Path
    """A pack, or a `.bin` file."""
    pairs: Path | None = None
    """A list of pairs of the pack's photographs; without one, all comparisons of the pack."""
    protocol: Literal["auto", "impostor"] = "auto"
    """auto compares the pairs, or all samples; impostor, and auto with a sample each, different people alone."""
    role: Literal["watch", "general", "own"] = "watch"
    """For the forgetting guard: what must not be lost, and what shall be gained."""
    mirror: bool = False
    """Whether the embedding of the mirror image is added."""


class Guard(Strict):
    """When a fine-tuned model may not be called better."""

    fmr: Annotated[float, Field(gt=0, lt=0.5)] = 1e-3
    """The false match rate at which false non-matches are compared, where a set can show it."""
    allowed: Annotated[float, Field(ge=0)] = 0.005
    """How much the false non-match rate on a general set may rise."""


class Recipe(Training):
    """A training of a recognizer."""

    data: Data
    augment: Augment = Augment()
    model: Model
    head: Head = Head()
    init: Init | None = None
    evaluate: tuple[Evaluate, ...] = ()
    guard: Guard = Guard()
