"""Model cards: what a model is, as a TOML file next to it. Owns the schema and the embedding contract.

A card is data only. Opening files, measuring golden vectors and choosing an engine are done elsewhere.
"""

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mien.errors import CardError
from mien.plain_names import valid_name
from mien.templates import TemplateSpec, check_points, parse_template
from mien.types import PLAIN, Threshold
from mien.units import UNIT_OF, ModelMetric, Unit


def _not_zero(value: float) -> float:
    if value == 0:
        raise ValueError("pixels are divided by it, so it is not zero")
    return value


Name = Annotated[str, AfterValidator(valid_name)]
Scale = Annotated[float, AfterValidator(_not_zero)]
"""Divides pixels."""

MIN_SIDE, MAX_SIDE = 8, 4096
"""Pixels of a side of what a network takes."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Strict(BaseModel):
    """Frozen values; an unknown key is an error, and so is a number that is NaN or infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelFile(Strict):
    """One ONNX file of a model."""

    path: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")
    """The file's name in the card's folder; never a path, so that a card by others reaches no other file."""
    sha256: Sha256
    converted_from: Sha256 | None = None
    """sha256 of the weights it was converted from; stable where the conversion's own bytes are not."""


class InputSpec(Strict):
    """How pixels enter the network: (pixel - mean) / scale, per channel, in the card's colour order."""

    colour: Literal["RGB", "BGR"]
    mean: tuple[float, float, float]
    scale: tuple[Scale, Scale, Scale]
    width: int | None = Field(default=None, ge=MIN_SIDE, le=MAX_SIDE)
    """None where the network takes any width."""
    height: int | None = Field(default=None, ge=MIN_SIDE, le=MAX_SIDE)


class EmbeddingSpec(Strict):
    """What a recognizer gives, and how it was trained to be compared."""

    size: int = Field(ge=2, le=65536)
    metric: ModelMetric
    normalized: bool
    """Whether rows are brought to unit length before they are stored and compared."""
    mirror: bool
    """Whether the embedding of the mirrored crop is averaged in, before any normalization."""
    template: TemplateSpec
    """The pose of its crops: a name, box:MARGIN, or five points as shares of width and height; see mien.templates."""
    output: int = Field(default=0, ge=0, le=15)
    """Which of the network's outputs is the embedding; AdaFace's second one is its length."""

    @field_validator("template")
    @classmethod
    def _known(cls, template: TemplateSpec) -> TemplateSpec:
        return checked_template(template)

    @property
    def contract_parts(self) -> dict[str, Any]:
        """What makes two embeddings comparable; the first output is not named, so that old contracts stay."""
        parts = self.model_dump()
        return parts if self.output else {key: value for key, value in parts.items() if key != "output"}


def checked_template(template: TemplateSpec) -> TemplateSpec:
    """A template as a schema's validator gives it.

    Raises:
        ValueError: there is no such template.
    """
    try:
        return parse_template(template) if isinstance(template, str) else check_points(template)
    except CardError as reason:
        raise ValueError(str(reason)) from reason


class PortraitModelSpec(Strict):
    """How a model that examines one face of a portrait gets it, and what its output means.

    Any name is taken: families, crops and outputs are known to mien.portrait, which refuses others when it opens the
    model.
    """

    crop: Name = "box"
    """How the face is cut; see mien.portrait.measures.face_crops."""
    margin: float = Field(default=1.5, gt=0.2, le=6)
    """The crop's side over that of the face's box, or over the width of an eye."""
    output: Name
    """What the numbers are, such as unit, pixels, degrees, classes or score; the first of the family is the usual."""
    signs: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors of yaw, pitch and roll that make them positive to the viewer's right, down and clockwise."""
    low: float = 0.0
    """The output of a quality model that is worth 0."""
    high: float = 1.0
    """The output that is worth 100; below `low` where lower is better."""

    @model_validator(mode="after")
    def _range(self) -> "PortraitModelSpec":
        if self.low == self.high:
            raise ValueError("low and high are equal, so every score would be worth the same")
        return self


class ThresholdRow(Strict):
    """One measured threshold; see mien.types.Threshold."""

    value: float
    unit: Unit
    fmr: float = Field(gt=0, lt=1)
    fmr_interval: tuple[float, float] | None = None
    fmr_measured: float | None = None
    """The false match rate that the other half of the people has at the threshold."""
    fnmr: float | None = None
    fnmr_interval: tuple[float, float] | None = None
    missing_people: int | None = None
    """How many more people the intervals need, where they are not given for that reason."""
    protocol: str
    group: str | None = None
    """The group of people that it was chosen and scored on; None is everybody."""
    strata: dict[str, tuple[float, float, float]] | None = None
    """The false match rate within and between groups of people, as "adult | child": value, and its interval. Within
    one group it is "asian | asian"."""
    conditions: dict[str, tuple[float, float, float]] | None = None
    """The false match rate where one image of each comparison is changed: value, and its interval. By the code of the
    condition: grey, mask, size-48, size-32, size-22 (the size of the face in pixels)."""


class AccuracyRow(Strict):
    """One measured figure with its protocol."""

    protocol: str
    figure: str


class Golden(Strict):
    """An input, by its seed, and a sample of the output that the network must give."""

    seed: int
    width: int
    height: int
    output: tuple[float, ...]


class ModelCard(Strict):
    """A model: its files, its input contract, its licence, and what it was measured to do."""

    name: Name
    kind: Literal["recognizer", "detector", "expert"]
    family: Name
    summary: str
    licence: str
    commercial_use: bool | None = None
    """Whether the licence of the weights allows commercial use; None where it is not stated."""
    training_data: str
    source: str
    files: dict[str, ModelFile]
    input: InputSpec
    embedding: EmbeddingSpec | None = None
    expert: PortraitModelSpec | None = None
    thresholds: tuple[ThresholdRow, ...] = ()
    """For everybody."""
    group_thresholds: tuple[ThresholdRow, ...] = ()
    """Chosen and scored within one group of people each."""
    accuracy: tuple[AccuracyRow, ...] = ()
    golden: dict[str, Golden] = {}

    def with_figures_of(self, other: "ModelCard") -> "ModelCard":
        """This card with what another one was measured to do: thresholds, those of groups, and accuracy."""
        figures = ("thresholds", "group_thresholds", "accuracy")
        return self.model_copy(update={name: getattr(other, name) for name in figures})

    @property
    def contract(self) -> str:
        """The embedding contract: a hash of everything that makes two embeddings comparable.

        Raises:
            CardError: the model is a detector.
        """
        if self.embedding is None:
            raise CardError(f"{self.name} is a {self.kind} and gives no embeddings; name a recognizer")
        parts = {
            "weights": sorted(file.converted_from or file.sha256 for file in self.files.values()),
            "input": self.input.model_dump(),
            "embedding": self.embedding.contract_parts,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def unit(self) -> Unit:
        """The unit of this recognizer's scores."""
        if self.embedding is None:
            raise CardError(f"{self.name} is a {self.kind} and gives no scores; name a recognizer")
        return UNIT_OF[self.embedding.metric]

    def threshold(self, fmr: float, group: str | None = None) -> Threshold:
        """The threshold measured for a false match rate.

        Args:
            fmr: the false match rate.
            group: of people, by the card's name; None is everybody.

        Raises:
            CardError: none was measured for that rate and group.
        """
        rows = self.thresholds if group is None else [row for row in self.group_thresholds if row.group == group]
        for row in rows:
            if abs(row.fmr - fmr) <= 1e-9:
                return Threshold(
                    value=row.value,
                    unit=row.unit,
                    contract=self.contract,
                    fmr=row.fmr,
                    fmr_interval=row.fmr_interval,
                    protocol=row.protocol,
                    strata=row.strata or {},
                    conditions=_conditions(row),
                )
        measured = ", ".join(f"{row.fmr:g}" for row in rows)
        if group is not None and not measured:
            groups = ", ".join(dict.fromkeys(row.group or "" for row in self.group_thresholds)) or "none"
            raise CardError(
                f"{self.name} has no threshold for the group '{group}'; groups on its card: {groups}. "
                "`mien config unset group` goes back to everybody's"
            )
        if not measured:
            raise CardError(
                f"{self.name} has no measured threshold, so no decision can be made: measure one with "
                f"`mien evaluate calibrate FOLDER --recognizer {self.name} --card` on a folder of subjects"
            )
        of_group = "" if group is None else f" for the group '{group}'"
        raise CardError(
            f"{self.name} has no threshold at FMR {fmr:g}{of_group}; it has {measured}: take one of these"
        )


def _conditions(row: ThresholdRow) -> dict[str, tuple[float, float, float]]:
    """The rates of a row's conditions with that of its protocol; nothing where none was measured."""
    if not row.conditions:
        return {}
    low, high = row.fmr_interval or (row.fmr, row.fmr)
    return {PLAIN: (row.fmr, low, high), **row.conditions}


def parse_card(text: str, where: str) -> ModelCard:
    """Read a card from TOML.

    Raises:
        CardError: not TOML, or not a card; the message names the first wrong key.
    """
    try:
        card = ModelCard.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as reason:
        raise CardError(f"{where} is not TOML: {reason}") from reason
    except ValidationError as reason:
        first = reason.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise CardError(f"{where}: {key}: {said}; `mien models add` writes a valid card") from reason
    if (card.kind == "recognizer") != (card.embedding is not None):
        raise CardError(f"{where}: a recognizer needs [embedding], and other models have none")
    if (card.kind == "expert") != (card.expert is not None):
        raise CardError(f"{where}: a model for portraits needs [expert], and other models have none")
    return card


def read_card(path: Path) -> ModelCard:
    """Read a card from a file.

    Raises:
        CardError: missing, or not a card.
    """
    try:
        return parse_card(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as reason:
        raise CardError(f"{path} cannot be read as a card: {reason}") from reason


def format_card(card: ModelCard) -> str:
    """The card as TOML."""
    text = tomli_w.dumps(card.model_dump(exclude_none=True), multiline_strings=False)
    return re.sub(r"\[\n([^\[\]\"{}]*)\n\]", _one_line, text)


def checked_card(card: ModelCard, where: str) -> ModelCard:
    """The card as it will be read again.

    Values that were put into a card after it was made are not looked at by its schema until here: a threshold that
    is NaN would otherwise be written, and make the card unreadable.

    Raises:
        CardError: it could not be read again; the message names the first wrong key.
    """
    return parse_card(format_card(card), where)


def _one_line(numbers: re.Match[str]) -> str:
    return "[" + " ".join(numbers.group(1).split()).rstrip(",") + "]"
