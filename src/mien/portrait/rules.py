"""Rules: what a portrait and a data set have to keep, as a TOML file that a user can copy and change.

A rule names a measure, its unit, a least and a most value, how severe it is, and says in English and Vietnamese what
it asks and what to do about it. `vn-portrait` is the requirement as it was asked for, `icao` has the rules for
passports. Owns the schema and the verdict of one rule on one measured value; takes no measures.
"""

import difflib
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.special import ndtr

from mien.errors import RuleError
from mien.portrait.measures.catalogue import MEASURES, Measured
from mien.types import Floats, floats

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
    guessed_right: dict[str, float] | None = None
    """How often an attribute model's guess is right, for each part; without it, guesses are not used."""


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
    structure: Structure = Structure(child_age=7, least_images=5)
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


STATES: tuple[State, ...] = ("pass", "fail", "not assessed")
PASS, FAIL, UNKNOWN = 0, 1, 2


def states(rule: Rule, values: Floats, sds: Floats) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Compare measured values with a rule.

    With a standard deviation and `sure`, a value passes where it keeps the limits with that probability, fails where
    it breaks them with that probability, and is not assessed in between.

    Args:
        rule: with its limits.
        values: (N,) float32, NaN where there is none.
        sds: (N,) float32 standard deviations, 0 where they are not known.

    Returns:
        (N,) numbers of STATES, and (N,) whether a failure is one of being too low.
    """
    values = floats(values)
    least = -np.inf if rule.min is None else rule.min
    most = np.inf if rule.max is None else rule.max
    with np.errstate(invalid="ignore"):
        outside = (values < least) | (values > most)
        found = np.where(outside, FAIL, PASS).astype(np.int8)
        if rule.sure is not None and (sds > 0).any():
            spread = np.maximum(sds, 1e-9)
            inside = ndtr((most - values) / spread) - ndtr((least - values) / spread)
            graded = np.where(inside >= rule.sure, PASS, np.where(inside <= 1 - rule.sure, FAIL, UNKNOWN))
            found = np.where(sds > 0, graded, found).astype(np.int8)
        low = values - least < most - values if np.isfinite(least) else np.zeros(len(values), bool)
    found[np.isnan(values)] = UNKNOWN
    return found, np.asarray(low, bool)


def apply_rule(rule: Rule, measured: Measured) -> Verdict:
    """Compare one measured value with a rule; see states."""
    value = measured.value
    if value is None:
        return Verdict(rule, "not assessed", measured, measured.reason)
    found, low = states(rule, floats([value]), floats([measured.sd]))
    state = STATES[found[0]]
    reason = f"{value:.0f} give or take {measured.sd:.0f} spans the limit" if state == "not assessed" else ""
    return Verdict(rule, state, measured, reason, bool(low[0]))


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
    kinds = {
        "structure": Structure,
        "balance": Balance,
        "sex": Share,
        "age": Share,
        "rule": Rule,
        "below": Words,
        "above": Words,
    }
    for part in location:
        model = kinds.get(str(part), model)
    return list(model.model_fields)


def _nearest(name: str, names: Any) -> str:  # noqa: ANN401 - any collection of names
    close = difflib.get_close_matches(name, list(names), 1, 0.5)
    return f"; did you mean {close[0]}?" if close else ""
