"""Recipes: a training as a TOML file that can be repeated. Owns the schema, its messages, and settings on top of it.

Reads no data and builds no network. An unknown key is an error that names the nearest right one.
"""

import hashlib
import json
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import tomli_w
from pydantic import BaseModel, Field, ValidationError

from mien.errors import RecipeError
from mien.models.card import Name, Strict

Share = Annotated[float, Field(ge=0, le=1)]


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
    """The probability of each kind of augmentation; see mien.train.augment."""

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
    """The head; numbers that are not given are the head's own, see mien.train.heads."""

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


class Optimizer(Strict):
    """How weights follow their gradients."""

    name: Literal["sgd", "adamw"] = "sgd"
    rate: float = Field(gt=0)
    """The learning rate for a global batch of `rate_batch`; another batch scales it in proportion."""
    rate_batch: Annotated[int, Field(ge=1)] = 512
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    """Not on norms, biases and PReLU."""
    clip: Annotated[float, Field(ge=0)] = 5.0
    """Greatest norm of the backbone's gradient; 0 clips nothing."""


class Schedule(Strict):
    """How long, and how the learning rate goes."""

    batch: int = Field(ge=2)
    """Crops of a step over all processes."""
    epochs: Annotated[float | None, Field(gt=0)] = None
    steps: Annotated[int | None, Field(ge=1)] = None
    warm_up: Annotated[float, Field(ge=0)] = 0.0
    """Epochs in which the rate rises from nothing."""
    decay: Literal["polynomial", "step", "constant"] = "polynomial"
    power: Annotated[float, Field(gt=0)] = 1.0
    milestones: tuple[float, ...] = ()
    """Epochs after which the rate is multiplied by gamma."""
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1


class Run(Strict):
    """How it is run; none of this is meant to change the result."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["f32", "bf16", "fp16"] = "bf16"
    channels_last: bool = True
    compile: bool = False
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Parts in which a step's batch goes through the network; BatchNorm sees a part at a time."""
    recompute: bool = False
    """Compute activations again in the backward pass, which takes less memory and more time."""
    synchronize_norms: bool = False
    """BatchNorm over the batches of all processes, so that their number does not matter."""
    threads: Annotated[int, Field(ge=0)] = 0
    """That read crops; 0 takes one for each core of this process."""
    save_every: Annotated[int, Field(ge=1)] = 2000
    """Steps."""
    keep: Annotated[int, Field(ge=1)] = 2
    """Checkpoints."""
    non_finite: Literal["stop", "step back"] = "stop"
    wandb: bool = False


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


class Evaluate(Strict):
    """A set that is evaluated on while training."""

    name: str
    set: Path
    """A pack, or a `.bin` file."""
    pairs: Path | None = None
    """A list of pairs of the pack's photographs; without one, all comparisons of the pack."""
    protocol: Literal["auto", "impostor"] = "auto"
    """auto compares the pairs, or all samples; impostor, and auto with a sample each, different people alone."""
    every: Annotated[int, Field(ge=0)] = 0
    """Steps; 0 evaluates before and after alone."""
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


class About(Strict):
    """What the card of the exported model says."""

    summary: str = ""
    licence: str = "not stated"
    commercial_use: bool | None = None
    training_data: str = ""


class Recipe(Strict):
    """A training."""

    name: Name
    seed: Annotated[int, Field(ge=0)] = 1
    data: Data
    augment: Augment = Augment()
    model: Model
    head: Head = Head()
    optimizer: Optimizer
    schedule: Schedule
    run: Run = Run()
    init: Init | None = None
    evaluate: tuple[Evaluate, ...] = ()
    guard: Guard = Guard()
    about: About = About()

    @property
    def digest(self) -> str:
        """sha256 of what the recipe says."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

    @property
    def rate(self) -> float:
        """The learning rate at this recipe's batch."""
        return self.optimizer.rate * self.schedule.batch / self.optimizer.rate_batch


def read_recipe(path: Path, settings: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: a TOML file.
        settings: `section.key=value` each, on top of what the file says; values as in TOML, or plain text.

    Raises:
        RecipeError: unreadable, no TOML, a misspelt key, or a value that cannot be.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise RecipeError(f"{path} cannot be read: {reason.strerror or reason}; recipes/ has some") from reason
    except UnicodeDecodeError as reason:
        raise RecipeError(f"{path} is no recipe, as it is no text; recipes/ has some") from reason
    except tomllib.TOMLDecodeError as reason:
        raise RecipeError(f"{path} is no TOML: {reason}") from reason
    for setting in settings:
        _set(content, setting)
    return parse_recipe(content, str(path))


def parse_recipe(content: dict[str, Any], where: str) -> Recipe:
    """A recipe from its content; see read_recipe."""
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as reason:
        raise RecipeError(f"{where}: {_sentence(reason)}") from reason
    if (recipe.schedule.epochs is None) == (recipe.schedule.steps is None):
        raise RecipeError(f"{where}: [schedule] has either epochs or steps")
    names = [one.name for one in recipe.evaluate]
    if len(set(names)) < len(names):
        raise RecipeError(f"{where}: two sets of [[evaluate]] have one name; give each its own")
    return recipe


def format_recipe(recipe: Recipe) -> str:
    """The recipe as TOML, every value written out."""
    return tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True))


def _set(content: dict[str, Any], setting: str) -> None:
    key, found, text = setting.partition("=")
    if not found:
        raise RecipeError(f"'{setting}' is no setting; write section.key=value, such as schedule.batch=64")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = key.strip().split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise RecipeError(f"'{setting}': {section} has no keys of its own")
    content[last] = value


def _sentence(reason: ValidationError) -> str:
    """The first fault, with the nearest right name for a key that is not known."""
    errors = reason.errors()
    # A key that is missing is often there, misspelt.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    place = [str(part) for part in first["loc"]]
    key = ".".join(place)
    if first["type"] == "extra_forbidden":
        known = _keys_of([part for part in place[:-1] if not part.isdigit()])
        near = get_close_matches(place[-1], known, 1, 0.4)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        return f"{key} is no setting; {hint}"
    if first["type"] == "missing":
        return f"{key} is missing"
    return f"{key}: {first['msg']} (it is {first['input']!r})"


def _keys_of(sections: list[str]) -> list[str]:
    """The keys of a section of the schema."""
    schema: type[BaseModel] = Recipe
    for section in sections:
        field = schema.model_fields.get(section)
        if field is None:
            break
        kinds = [field.annotation, *get_args(field.annotation)]
        schema = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), schema)
    return list(schema.model_fields)
