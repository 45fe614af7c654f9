"""Rules: what a portrait and a data set must meet. Owns the schema of a rule file.

A rule names a measure, its unit, a minimum and a maximum, and how severe a failure is. What it asks and advises is in
the catalogues of messages by its measure; a rule file may give its own texts, in any languages. Reads no file (see
rule_files) and compares nothing (see verdicts).
"""

from collections.abc import Mapping
from math import inf
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from mien.data.layout import USUAL_NAMES

LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")]
Severity = Literal["error", "warning"]


def _in_english(value: object) -> object:
    """Text without a language is English."""
    return {"en": value} if isinstance(value, str) else value


Texts = Annotated[dict[LanguageCode, str], BeforeValidator(_in_english)]
"""A text by language: title.en = "...", title.vi = "..."; or one text that all languages share."""

EARLIER_TITLES = ("en", "vi")
"""Keys of a rule or rule file that held its title before there was `title`; still read."""


class RuleFileValue(BaseModel):
    """A frozen value of a rule file; an unknown key is an error, and so is a number that is NaN or infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


class Titled(RuleFileValue):
    """A value with a title in any languages."""

    title: Texts = {}

    @model_validator(mode="before")
    @classmethod
    def _read_earlier_titles(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, Mapping) or not any(key in value for key in EARLIER_TITLES):
            return value
        earlier = {key: value[key] for key in EARLIER_TITLES if key in value}
        title = _in_english(value.get("title", {}))
        rest = {key: item for key, item in value.items() if key not in EARLIER_TITLES}
        return {**rest, "title": {**earlier, **title} if isinstance(title, Mapping) else title}


class Structure(RuleFileValue):
    """What the folders of a data set are called, and how many images each person needs."""

    adults: tuple[str, ...] = USUAL_NAMES.adults
    children: tuple[str, ...] = USUAL_NAMES.children
    male: tuple[str, ...] = USUAL_NAMES.male
    female: tuple[str, ...] = USUAL_NAMES.female
    """Optional folders between a group and its identities, one per sex."""
    child_age: int = Field(7, ge=0, le=120)
    """Age in years up to which, this one included, a person counts as a child."""
    min_images: int = Field(5, ge=1)
    """How many different images each person needs."""

    @model_validator(mode="before")
    @classmethod
    def _read_earlier_key(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, Mapping) or "least_images" not in value:
            return value
        return {("min_images" if key == "least_images" else key): item for key, item in value.items()}


class WantedShares(RuleFileValue):
    """Shares that groups should have, as parts: {male = 1, female = 1}."""

    parts: dict[str, float]
    tolerance: float = Field(0.05, ge=0, lt=1)
    """By how much a share may be off."""
    guessed_right: dict[str, float] | None = None
    """How often an attribute model's guess is right, for each part; without it, guesses are not used."""


class WantedBalance(RuleFileValue):
    """What should be balanced; both are optional."""

    sex: WantedShares | None = None
    age: WantedShares | None = None


class Rule(Titled):
    """One rule; see the module."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    part: str = ""
    """The part of the written requirement that it comes from."""
    measure: str
    unit: str = ""
    min: float | None = None
    max: float | None = None
    sure: float | None = Field(None, gt=0.5, lt=1)
    """For measures with a standard deviation: how probable pass or fail must be; in between it is not assessed."""
    doubt: float = Field(0, ge=0)
    """Values that keep a limit by less than this are not assessed; in the measure's unit."""
    severity: Severity
    below: Texts = {}
    """What to do about a value below min."""
    above: Texts = {}
    """What to do about a value above max."""

    @property
    def limits(self) -> tuple[float, float]:
        """Minimum and maximum, infinite where there is none."""
        return -inf if self.min is None else self.min, inf if self.max is None else self.max


class RuleSet(Titled):
    """A rule file."""

    name: str
    version: Literal[1]
    structure: Structure = Structure(child_age=7, min_images=5)
    balance: WantedBalance = WantedBalance()
    rule: tuple[Rule, ...]
