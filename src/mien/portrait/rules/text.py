"""What a rule asks and advises, in a language: the rule file's own text, or that of the catalogues by measure.

Owns the choice of the text. Holds no sentence: they are in mien.messages and in rule files.
"""

from collections.abc import Mapping
from typing import Literal

from mien.messages import Message, has_message, number, translate
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.rules.schema import Rule, RuleSet

SLIGHT = 0.2
"""A value is slightly outside of two limits if it is beyond by at most this share of the distance between them."""


def rule_set_title(rules: RuleSet, language: str) -> str:
    """What the rules are for."""
    return own_text(rules.title, language) or rules.name


def rule_title(rule: Rule, language: str) -> str:
    """What a rule asks."""
    return own_text(rule.title, language) or _of_measure(rule, _kind(rule)).text(language).strip()


def advice(rule: Rule, value: float, language: str) -> str:
    """What to do about a value that a rule fails."""
    min_, max_ = rule.limits
    side: Literal["below", "above"] = "below" if value - min_ < max_ - value else "above"
    own = own_text(rule.below if side == "below" else rule.above, language)
    if own:
        return own
    exact = f"measure.{rule.measure}.{side}-{value:g}"
    if has_message(exact):
        return translate(exact, language)
    beyond = min_ - value if side == "below" else value - max_
    is_slight = beyond <= SLIGHT * (max_ - min_) < float("inf")
    slightly = f"{side}-slightly"
    chosen = slightly if is_slight and has_message(f"measure.{rule.measure}.{slightly}") else side
    return _of_measure(rule, chosen, side).text(language)


def unjudged_advice(rule: Rule, reason: Message, language: str) -> str:
    """What is missing so that a rule can be judged."""
    return translate("check.unjudged", language, rule=rule_title(rule, language), reason=reason)


def limit_text(rule: Rule, language: str) -> str:
    """The limits of a rule, with their unit."""
    return translate(f"limit.{_kind(rule)}", language, **_limits(rule)).strip()


def measure_name(name: str) -> Message | str:
    """What a measure is called."""
    code = f"measure.{name}.name"
    return Message(code) if has_message(code) else MEASURES[name].title or name


def unit_text(unit: str, language: str) -> str:
    """A unit in a language; one that the catalogues lack stays as it is."""
    code = f"unit.{unit}"
    return translate(code, language) if has_message(code) else unit


def value_text(value: float, unit: str, language: str, sd: float = 0.0) -> str:
    """A measured value with its standard deviation and its unit."""
    spread = f" ± {number(sd, language, '.0f')}" if sd else ""
    return f"{number(value, language, '.3g')}{spread} {unit_text(unit, language)}".strip()


def own_text(texts: Mapping[str, str], language: str) -> str:
    """Text of a rule file in a language; else in English; else in the first language that it has; else nothing."""
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")


def _kind(rule: Rule) -> str:
    """Which limits a rule has: min, max, between, or within (as far to either side)."""
    if rule.min is None:
        return "max"
    if rule.max is None:
        return "min"
    return "within" if rule.min == -rule.max else "between"


def _of_measure(rule: Rule, kind: str, general: str = "") -> Message:
    """The catalogues' text of a rule's measure, or the general one of all measures without a text of their own."""
    code = f"measure.{rule.measure}.{kind}"
    if has_message(code):
        return Message(code, _limits(rule))
    return Message(f"rule.{general or kind}", {"measure": measure_name(rule.measure), **_limits(rule)})


def _limits(rule: Rule) -> dict[str, float | Message | str]:
    code = f"unit.{rule.unit}"
    unit = Message(code) if has_message(code) else rule.unit
    limits = {"min": rule.min, "max": rule.max}
    return {"unit": unit} | {name: value for name, value in limits.items() if value is not None}
