"""The recipe of a recognizer: its data, augmentation, backbone, head, and the sets that it is evaluated on.

[head] has the keys of the head that it names, [augment] one key per kind of augmentation; both follow from their
tables. Reads no file.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, create_model, model_validator

from mien.models.card import Strict
from mien.train.recipe.io import RecipeFormat
from mien.train.recipe.registry import name_in, settings_from
from mien.train.recipe.settings import Fraction, RunSettings, Training, ValidationSettings
from mien.train.recognizers.augment import AUGMENTATIONS
from mien.train.recognizers.backbones.registry import BACKBONES
from mien.train.recognizers.heads import HEADS, Head


class CropData(Strict):
    """What a recognizer is trained on."""

    sets: tuple[Path, ...] = Field(min_length=1)
    """Packs, folders of subjects with aligned crops, or manifests of aligned crops."""
    min_crops: Annotated[int, Field(ge=1)] = 1
    """Crops that a class needs; classes with fewer are left out."""
    max_crops: Annotated[int, Field(ge=0)] = 0
    """Maximum number of crops per class and epoch; 0 takes all."""
    sampling: Literal["natural", "balanced"] = "natural"
    check: bool = False
    """Whether every checksum of the packs is compared before the first step."""


class CropAugmentSettings(Strict):
    """The probability of each kind of augmentation; its keys are the names of AUGMENTATIONS."""

    def probabilities(self) -> dict[str, float]:
        """By name."""
        return {name: float(getattr(self, name)) for name in type(self).model_fields}


class BackboneSettings(Strict):
    """The network."""

    backbone: Annotated[str, name_in(BACKBONES, "backbone")]
    embedding: Annotated[int, Field(ge=8, le=4096)] = 512
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    colour: Literal["RGB", "BGR"] | None = None
    """None takes RGB, or after [init] what the weights were trained with."""
    masking: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of the patches that a transformer leaves out in training; None takes the layout's own."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Probability that a transformer skips its last block in training; None takes the layout's own."""


class HeadSettings(Strict):
    """The head; further keys are the init fields of the head that `name` means."""

    name: Annotated[str, name_in(HEADS, "head")] = "arcface"
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the classes that take part in a step (partial FC)."""
    products: Literal["auto", "f32", "tf32", "bf16"] = "auto"
    """Precision of the products of embeddings and class centres. auto is f32 on processors and where run.precision is
    f32, else tf32."""

    def make(self) -> Head:
        """The head with these settings."""
        own = set(type(self).model_fields) - set(HeadSettings.model_fields)
        return HEADS[self.name](**{key: getattr(self, key) for key in own})


class UnknownHeadSettings(HeadSettings):
    """Of a head that does not exist: takes any key, so that the message is about the name."""

    model_config = ConfigDict(frozen=True, extra="allow")


class RecognizerRun(RunSettings):
    """How a training of a recognizer runs."""

    processes: Annotated[int | None, Field(ge=0)] = None
    """Processes that read and augment crops; 0 reads in threads. None follows the cores of the machine, divided among
    the processes that train on it."""


class RecognizerInit(Strict):
    """Fine-tuning: what a training starts from."""

    weights: Path | Literal["dlib-resnet"]
    """A checkpoint of any layout that mien knows, one of mien's own, or the default recognizer's weights."""
    head: Literal["class means", "random"] = "class means"
    freeze: tuple[int, ...] = ()
    """Stages that keep their weights; 0 is at the input."""
    freeze_epochs: Annotated[float, Field(ge=0)] = 0.0
    """Epochs after which they learn, too; 0 freezes them for good."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Learning rate of each stage as a share of the next one's."""
    norms: Literal["train", "freeze"] = "train"
    """Whether BatchNorms continue to gather statistics and to learn, or stay as they are."""
    anchor: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the squared distance between the new and the old embedding of each crop, against forgetting."""
    lora: Annotated[int, Field(ge=0, le=256)] = 0
    """Rank of the thin matrices that learn instead of the network's weights (LoRA); 0 lets the weights learn."""
    lora_alpha: Annotated[float, Field(gt=0)] = 16.0
    """lora_alpha / lora multiplies the product of the thin matrices."""


class TeacherSettings(Strict):
    """Distillation: a trained model whose embeddings the network learns, with its head or alone.

    The loss is `head` times the head's, plus each of the others times its weight; see
    mien.train.recognizers.distillation.
    """

    model: str
    """A model of the store, a model's card, a file of weights, or the folder of a run or of a checkpoint."""
    head: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the head's loss; 0 trains by the teacher alone."""
    embedding: Annotated[float, Field(ge=0)] = 128.0
    """Weight of 1 - cos(own, teacher's); 128 is Keras_insightface's, next to ArcFace with scales of 16 to 64."""
    distance: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the distances between the crops of a batch (RKD)."""
    angle: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the angles between the crops of a batch (RKD)."""
    attention: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the attention maps of the stages; the teacher is a checkpoint, and works in every step."""

    @model_validator(mode="after")
    def _teaches(self) -> Self:
        if not (self.embedding or self.distance or self.angle or self.attention):
            raise ValueError("the teacher has no weight: set embedding, distance, angle or attention above 0")
        return self


class RecognizerEvaluate(ValidationSettings):
    """A set that a recognizer is evaluated on while it is trained."""

    set: Path
    """A pack, or a `.bin` file."""
    pairs: Path | None = None
    """A list of pairs of the pack's photographs; without one, all comparisons of the pack."""
    protocol: Literal["auto", "impostor"] = "auto"
    """auto compares the pairs, or all samples; impostor compares only different people, as auto does with one sample
    per person."""
    role: Literal["watch", "general", "own"] = "watch"
    """For the forgetting guard: general must not get worse, own should get better."""
    mirror: bool = False
    """Whether the embedding of the mirrored crop is added."""


class GuardSettings(Strict):
    """When a fine-tuned model must not be called better."""

    fmr: Annotated[float, Field(gt=0, lt=0.5)] = 1e-3
    """The false match rate at which false non-matches are compared, if a set can show it."""
    allowed: Annotated[float, Field(ge=0)] = 0.005
    """How much the false non-match rate on a general set may rise."""


class RecognizerRecipe(Training):
    """A training of a recognizer."""

    data: CropData
    augment: CropAugmentSettings
    model: BackboneSettings
    head: HeadSettings
    run: RecognizerRun = RecognizerRun()
    init: RecognizerInit | None = None
    teacher: TeacherSettings | None = None
    evaluate: tuple[RecognizerEvaluate, ...] = ()
    guard: GuardSettings = GuardSettings()


def recognizer_schema(content: Mapping[str, Any]) -> type[RecognizerRecipe]:
    """The schema for a recipe's content: [head] and [augment] get the keys that their tables have now."""
    head = content.get("head", {})
    name = head.get("name", "arcface") if isinstance(head, Mapping) else "arcface"
    augmentations = tuple((key, kind.probability) for key, kind in AUGMENTATIONS.items())
    kind = HEADS.get(name) if isinstance(name, str) else None
    return _schema(kind, augmentations)  # type: ignore[arg-type]


@lru_cache
def _schema(head: type[Head] | None, augmentations: tuple[tuple[str, float], ...]) -> type[RecognizerRecipe]:
    heads = UnknownHeadSettings if head is None else settings_from(head, HeadSettings)
    keys: dict[str, Any] = {name: (Fraction, probability) for name, probability in augmentations}
    augment = create_model("CropAugmentSettings", __base__=CropAugmentSettings, **keys)
    return create_model(
        "RecognizerRecipe", __base__=RecognizerRecipe, head=(heads, heads()), augment=(augment, augment())
    )


RECOGNIZER_RECIPE = RecipeFormat(
    "model", recognizer_schema, {"data.least": "data.min_crops", "data.most": "data.max_crops"}
)
