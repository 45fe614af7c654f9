"""Rules: what a portrait and a data set have to keep, as a TOML file that a user can copy and change.

A rule names a measure, its unit, a least and a most value, how severe it is, and says in English and Vietnamese what
it asks and what to do about it. `vn-portrait` is the requirement as it was asked for, `icao` has the rules for
passports. Owns the schema and the verdict of one rule on one measured value; takes no measures.
"""

import difflib
import tomllib
from dataclasses import dataclass
from importlib import resources
from math import erf, sqrt
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mien.errors import RuleError
from mien.portrait.measures import MEASURES, Measured

Language = Literal["en", "vi"]
LANGUAGES: tuple[Language, ...] = ("en", "vi")
SHIPPED = ("vn-portrait", "icao")
State = Literal["pass", "fail", "not assessed"]


class Strict(BaseModel):
    """Frozen values; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Words(Strict):
    """A sentence in both languages."""

    en: str
    vi: str

    def of(self, language: Language) -> str:
        """The sentence in a language."""
        return self.vi if language == "vi" else self.en


class Structure(Strict):
    """How the folders of a data set are called, and how many images each person needs."""

    adults: tuple[str, ...] = ("adults", "adult")
    children: tuple[str, ...] = ("children", "child")
    male: tuple[str, ...] = ("male", "men", "nam")
    female: tuple[str, ...] = ("female", "women", "nữ", "nu")
    """Folders between a group and its identities that tell the sex; there need not be any."""
    child_age: int = Field(7, ge=0, le=120)
    """Years up to which, this one included, a person counts as a child."""
    least_images: int = Field(5, ge=1)


class Share(Strict):
    """Shares that groups shall have, as parts: {male = 1, female = 1}."""

    parts: dict[str, float]
    tolerance: float = Field(0.05, ge=0, lt=1)
    """By how much a share may be off and still be called kept."""


class Balance(Strict):
    """What shall be balanced; both are optional."""

    sex: Share | None = None
    age: Share | None = None


class Rule(Strict):
    """One rule; see the module."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    part: str = ""
    """The part of the written requirement that it comes from."""
    measure: str
    unit: str = ""
    min: float | None = None
    max: float | None = None
    sure: float | None = Field(None, gt=0.5, lt=1)
    """For measures with a deviation: how probable pass or fail has to be to be said; between them it is unsure."""
    severity: Literal["error", "warning"]
    en: str
    vi: str
    below: Words | None = None
    above: Words | None = None

    def says(self, language: Language) -> str:
        """What the rule asks."""
        return self.vi if language == "vi" else self.en


class RuleSet(Strict):
    """A rule file."""

    name: str
    version: Literal[1]
    en: str
    vi: str
    structure: Structure = Structure()
    balance: Balance = Balance()
    rule: tuple[Rule, ...]

    def title(self, language: Language) -> str:
        """What the rules are for."""
        return self.vi if language == "vi" else self.en


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of a measured value.

    Attributes:
        rule: which.
        state: pass, fail or not assessed, which is neither.
        measured: the value.
        reason: why it was not assessed; else empty.
        low: whether it failed for being too low.
    """

    rule: Rule
    state: State
    measured: Measured
    reason: str = ""
    low: bool = False

    def advice(self, language: Language) -> str:
        """What to do about a failure; empty where there is none."""
        words = self.rule.below if self.low else self.rule.above
        return words.of(language) if self.state == "fail" and words else ""


def judge(rule: Rule, measured: Measured) -> Verdict:
    """Compare a measured value with a rule.

    With a standard deviation and `sure`, the value passes where it keeps the limits with that probability, fails where
    it breaks them with that probability, and is not assessed in between.
    """
    value = measured.value
    if value is None:
        return Verdict(rule, "not assessed", measured, measured.reason)
    low = rule.min is not None and value < rule.min
    high = rule.max is not None and value > rule.max
    if rule.sure is None or measured.sd <= 0:
        return Verdict(rule, "fail" if low or high else "pass", measured, low=low)
    inside = _inside(rule, value, measured.sd)
    if inside >= rule.sure:
        return Verdict(rule, "pass", measured)
    if inside > 1 - rule.sure:
        return Verdict(rule, "not assessed", measured, f"{value:.0f} give or take {measured.sd:.0f} spans the limit")
    nearer_low = rule.max is None or (rule.min is not None and value - rule.min < rule.max - value)
    return Verdict(rule, "fail", measured, low=nearer_low)


def _inside(rule: Rule, value: float, sd: float) -> float:
    """The probability that a normal value lies within the limits."""
    low = 0.0 if rule.min is None else _below(rule.min, value, sd)
    high = 1.0 if rule.max is None else _below(rule.max, value, sd)
    return high - low


def _below(limit: float, value: float, sd: float) -> float:
    return 0.5 * (1 + erf((limit - value) / (sd * sqrt(2))))


def load_rules(name_or_path: str) -> RuleSet:
    """Rules by their name (vn-portrait, icao) or from a file.

    Raises:
        RuleError: no such rules, no TOML, an unknown key, measure or unit, or limits that exclude everything.
    """
    if name_or_path in SHIPPED:
        text = resources.files("mien.portrait").joinpath("rulesets", f"{name_or_path}.toml").read_text("utf-8")
        return parse_rules(text, name_or_path)
    path = Path(name_or_path)
    try:
        return parse_rules(path.read_text(encoding="utf-8"), name_or_path)
    except OSError as reason:
        raise RuleError(
            f"{name_or_path} is neither a file nor one of the rules that ship ({', '.join(SHIPPED)})"
            + _nearest(name_or_path, SHIPPED)
        ) from reason
    except UnicodeDecodeError as reason:
        raise RuleError(f"{name_or_path} is no text in UTF-8, so no rule file") from reason


def shipped_text(name: str) -> str:
    """The text of rules that ship, to be copied and changed."""
    load_rules(name)
    return resources.files("mien.portrait").joinpath("rulesets", f"{name}.toml").read_text("utf-8")


def parse_rules(text: str, where: str) -> RuleSet:
    """Rules from TOML; see load_rules."""
    try:
        rules = RuleSet.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as reason:
        raise RuleError(f"{where} is no TOML: {reason}") from reason
    except ValidationError as reason:
        raise RuleError(_first(reason, where)) from reason
    if not rules.rule:
        raise RuleError(f"{where} has no rules; `mien check --show-rules vn-portrait` prints some to start from")
    seen: set[str] = set()
    for rule in rules.rule:
        _check(rule, where)
        if rule.id in seen:
            raise RuleError(f"{where}: two rules are called {rule.id}; call one something else")
        seen.add(rule.id)
    return rules


def _check(rule: Rule, where: str) -> None:
    """A rule that measures something and can be kept and broken."""
    name = f"{where}: rule {rule.id}"
    if rule.measure not in MEASURES:
        raise RuleError(f"{name}: there is no measure '{rule.measure}'{_nearest(rule.measure, MEASURES)}")
    unit = MEASURES[rule.measure].unit
    if rule.unit != unit:
        raise RuleError(f"{name}: {rule.measure} is measured in '{unit}', not '{rule.unit}'")
    if rule.min is None and rule.max is None:
        raise RuleError(f"{name}: give min, max or both")
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        raise RuleError(f"{name}: min {rule.min:g} is above max {rule.max:g}, so nothing keeps it")
    if (rule.min is None) != (rule.below is None) or (rule.max is None) != (rule.above is None):
        raise RuleError(f"{name}: `below` says what to do under min, `above` over max; give one for each limit")


def _first(reason: ValidationError, where: str) -> str:
    """The first thing that is wrong, with the nearest right name of a key."""
    error = reason.errors()[0]
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{where}: {place}: {error['msg']}"
    keys = _keys(error["loc"][:-1])
    return f"{where}: there is no key {place}{_nearest(str(error['loc'][-1]), keys)}"


def _keys(location: tuple[int | str, ...]) -> list[str]:
    model: Any = RuleSet
    kinds = {"structure": Structure, "balance": Balance, "sex": Share, "age": Share, "rule": Rule,
             "below": Words, "above": Words}
    for part in location:
        model = kinds.get(str(part), model)
    return list(model.model_fields)


def _nearest(name: str, names: Any) -> str:  # noqa: ANN401 - any collection of names
    close = difflib.get_close_matches(name, list(names), 1, 0.5)
    return f"; did you mean {close[0]}?" if close else ""
