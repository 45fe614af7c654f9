"""The schema of rules: earlier keys are still read."""

import tomllib

import pytest
from pydantic import ValidationError

from mien.portrait.rules.schema import RuleSet

EARLIER = """
name = "mine"
version = 1
en = "Mine"
vi = "Của tôi"
[structure]
least_images = 3
[[rule]]
id = "wide"
measure = "width"
unit = "px"
min = 10
severity = "error"
en = "Wide enough"
vi = "Đủ rộng"
below = { en = "Wider", vi = "Rộng hơn" }
"""


def test_rule_files_of_the_first_version_are_still_read() -> None:
    rules = RuleSet.model_validate(tomllib.loads(EARLIER))
    assert rules.title == {"en": "Mine", "vi": "Của tôi"}
    assert rules.structure.min_images == 3
    assert rules.rule[0].title == {"en": "Wide enough", "vi": "Đủ rộng"}
    assert rules.rule[0].below == {"en": "Wider", "vi": "Rộng hơn"}


def test_texts_may_be_keyed_by_any_language_and_by_nothing_else() -> None:
    text = EARLIER.replace("below = {", 'title.pt-BR = "Largo"\nbelow = {')
    assert RuleSet.model_validate(tomllib.loads(text)).rule[0].title["pt-BR"] == "Largo"
    with pytest.raises(ValidationError, match="pattern"):
        RuleSet.model_validate(tomllib.loads(EARLIER.replace("below = { en", 'below = { "in English"')))


def test_limits_are_infinite_where_there_is_none() -> None:
    rule = RuleSet.model_validate(tomllib.loads(EARLIER)).rule[0]
    assert rule.limits == (10, float("inf"))
