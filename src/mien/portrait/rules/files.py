"""Reads rule files: those that are shipped, by name, and users' own, with errors that name the nearest right word.

Owns what a rule file must hold beyond its schema: measures and units that there are, limits that something can meet.
`vn-portrait` is a requirement for identity-card portraits in Viet Nam; `icao` has the limits for passports.
"""

import tomllib
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from mien.errors import RuleError
from mien.nearest import SHORT, did_you_mean
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.rules.schema import Rule, RuleFileValue, RuleSet, Structure, WantedBalance, WantedShares

SHIPPED = ("vn-portrait", "icao")
SECTIONS: dict[str, type[RuleFileValue]] = {
    "structure": Structure,
    "balance": WantedBalance,
    "sex": WantedShares,
    "age": WantedShares,
    "rule": Rule,
}
"""The schema of each section of a rule file, by the key that opens it."""


def load_rules(name_or_path: str) -> RuleSet:
    """Rules by their name (vn-portrait, icao) or from a file.

    Raises:
        RuleError: no such rules, not TOML, an unknown key, measure or unit, or limits that exclude everything.
    """
    if name_or_path in SHIPPED:
        return parse_rules(_text_of_shipped(name_or_path), name_or_path)
    path = Path(name_or_path)
    try:
        return parse_rules(path.read_text(encoding="utf-8"), name_or_path)
    except OSError as reason:
        raise RuleError(
            f"{name_or_path} is neither a file nor one of the shipped rules ({', '.join(SHIPPED)})"
            + did_you_mean(name_or_path, SHIPPED, SHORT)
        ) from reason
    except UnicodeDecodeError as reason:
        raise RuleError(f"{name_or_path} is not a UTF-8 text file, so it is not a rule file") from reason


def shipped_text(name: str) -> str:
    """The text of shipped rules, to be copied and changed."""
    load_rules(name)
    return _text_of_shipped(name)


def _text_of_shipped(name: str) -> str:
    return resources.files("mien.portrait.rules").joinpath("shipped", f"{name}.toml").read_text("utf-8")


def parse_rules(text: str, where: str) -> RuleSet:
    """Rules from TOML; see load_rules."""
    try:
        rules = RuleSet.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as reason:
        raise RuleError(f"{where} is not TOML: {reason}") from reason
    except ValidationError as reason:
        raise RuleError(_first(reason, where)) from reason
    if not rules.rule:
        raise RuleError(f"{where} has no rules; `mien check --show-rules vn-portrait` prints some to start from")
    seen: set[str] = set()
    for rule in rules.rule:
        _check(rule, where)
        if rule.id in seen:
            raise RuleError(f"{where}: two rules are called {rule.id}; rename one")
        seen.add(rule.id)
    return rules


def _check(rule: Rule, where: str) -> None:
    """A rule must measure something that there is, and must be possible to meet and to fail."""
    name = f"{where}: rule {rule.id}"
    if rule.measure not in MEASURES:
        raise RuleError(f"{name}: there is no measure '{rule.measure}'{did_you_mean(rule.measure, MEASURES, SHORT)}")
    unit = MEASURES[rule.measure].unit
    if rule.unit != unit:
        raise RuleError(f"{name}: {rule.measure} is measured in '{unit}', not '{rule.unit}'")
    if rule.min is None and rule.max is None:
        raise RuleError(f"{name}: give min, max or both")
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        raise RuleError(f"{name}: min {rule.min:g} is above max {rule.max:g}, so nothing can meet it")
    for side, texts, limit in (("below", rule.below, rule.min), ("above", rule.above, rule.max)):
        if texts and limit is None:
            missing = "min" if side == "below" else "max"
            raise RuleError(f"{name}: `{side}` says what to do about {missing}, but there is no {missing}")


def _first(reason: ValidationError, where: str) -> str:
    """The first thing that is wrong, with the nearest right name of a key."""
    error = reason.errors()[0]
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{where}: {place}: {error['msg']}"
    return f"{where}: there is no key {place}{did_you_mean(str(error['loc'][-1]), _keys(error['loc'][:-1]), SHORT)}"


def _keys(location: tuple[int | str, ...]) -> list[str]:
    """The keys of the section at a place of a rule file."""
    model: type[RuleFileValue] = RuleSet
    for part in location:
        model = SECTIONS.get(str(part), model)
    return list(model.model_fields)
