"""Rule files: what ships, what is refused and how it says so, and the verdict of a rule."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import RuleError
from mien.portrait.measures.catalogue import MEASURES, Measured
from mien.portrait.rules import (
    SHIPPED,
    STATES,
    Rule,
    Words,
    apply_rule,
    load_rules,
    parse_rules,
    shipped_text,
    states,
)
from mien.types import floats

WORDS = Words(en="a", vi="b")


def rule(least: float | None, most: float | None, sure: float | None = None) -> Rule:
    return Rule(
        id="x", measure="yaw", unit="degrees", min=least, max=most, sure=sure, severity="error", en="x", vi="x",
        below=None if least is None else WORDS, above=None if most is None else WORDS,
    )  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_rules_measure_what_there_is_and_speak_both_languages(name: str) -> None:
    rules = load_rules(name)
    assert len(rules.rule) > 25
    for one in rules.rule:
        assert one.measure in MEASURES
        assert one.en != one.vi
        for words in (one.below, one.above):
            assert words is None or (words.en and words.vi and words.en != words.vi)
    assert {"b", "c", "d", "e", "f"} <= {one.part for one in rules.rule}


def test_the_requirement_is_the_one_that_was_asked_for() -> None:
    rules = load_rules("vn-portrait")
    limits = {one.id: (one.min, one.max, one.severity) for one in rules.rule}
    assert limits["face-size"] == (112, None, "error")
    assert limits["yaw"] == limits["pitch"] == limits["roll"] == (-30, 30, "error")
    assert rules.structure.least_images == 5
    assert rules.structure.child_age == 7
    assert rules.balance.sex.parts == {"male": 1, "female": 1}
    assert rules.balance.age.parts == {"adult": 9, "child": 1}


def test_passports_are_judged_more_strictly() -> None:
    loose, strict = (
        {(r.measure, side): getattr(r, side) for r in load_rules(name).rule for side in ("min", "max")}
        for name in SHIPPED
    )
    for key in loose.keys() & strict.keys():
        if loose[key] is not None and strict[key] is not None:
            assert strict[key] >= loose[key] if key[1] == "min" else strict[key] <= loose[key], key


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('severity = "warning"', 'severity = "warning"\nseverty = 1', "severty; did you mean severity?"),
        ("severity =", "severty =", "rule.0.severity: Field required"),
        ('measure = "yaw"', 'measure = "yaww"', "there is no measure 'yaww'; did you mean yaw?"),
        ('unit = "px"', 'unit = "cm"', "width is measured in 'px', not 'cm'"),
        ("[structure]", "[structur]", "there is no key structur; did you mean structure?"),
        ("least_images = 5", "least_image = 5", "there is no key structure.least_image; did you mean least_images?"),
        ("min = 200", "min = 200\nmax = 100", "min 200 is above max 100"),
        ('id = "least-height"', 'id = "least-width"', "two rules are called least-width"),
        ("below = {", "above = {", "give one for each limit"),
        ('severity = "error"', 'severity = "grave"', "'error' or 'warning'"),
        ("version = 1", "version = ", "is no TOML"),
    ],
)
def test_a_misspelt_rule_is_an_error_with_the_right_name(old: str, new: str, said: str) -> None:
    text = shipped_text("vn-portrait")
    assert old in text
    with pytest.raises(RuleError, match=said.replace("?", r"\?").replace(".", r"\.")):
        parse_rules(text.replace(old, new, 1), "mine.toml")


def test_rules_that_do_not_exist_are_named(tmp_path) -> None:
    with pytest.raises(RuleError, match="vn-portrait"):
        load_rules("vn-portait")
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuleError, match="UTF-8"):
        load_rules(str(tmp_path / "x.toml"))
    with pytest.raises(RuleError, match="has no rules"):
        parse_rules('name="a"\nversion=1\nen="a"\nvi="b"\nrule=[]\n', "a")


@given(
    st.lists(st.one_of(st.floats(-90, 90), st.just(math.nan)), min_size=1, max_size=20),
    st.one_of(st.none(), st.floats(-60, 0)),
    st.floats(0.1, 60),
)
def test_states_are_those_of_a_plain_loop(values: list[float], least: float | None, most: float) -> None:
    one = rule(least, most)
    found, low = states(one, floats(values), np.zeros(len(values), np.float32))
    for value, state, is_low in zip(floats(values).tolist(), found, low, strict=True):
        if math.isnan(value):
            assert STATES[state] == "not assessed"
        elif least is not None and value < np.float32(least):
            assert STATES[state] == "fail"
            assert is_low
        elif value > np.float32(most):
            assert STATES[state] == "fail"
            assert not is_low
        else:
            assert STATES[state] == "pass"


@given(st.floats(-60, 60), st.floats(0.5, 15))
def test_an_angle_is_judged_by_how_sure_it_is(value: float, sd: float) -> None:
    found = apply_rule(rule(-30, 30, 0.8), Measured(value, sd))
    draws = np.random.default_rng(0).normal(value, sd, 40000)
    inside = (abs(draws) <= 30).mean()
    expected = {"pass": inside > 0.78, "fail": inside < 0.22, "not assessed": 0.18 < inside < 0.82}
    assert expected[found.state]


def test_a_verdict_says_what_to_do_in_both_languages() -> None:
    yaw = next(r for r in load_rules("vn-portrait").rule if r.id == "yaw")
    left, right = apply_rule(yaw, Measured(50.0, 3.0)), apply_rule(yaw, Measured(-50.0, 3.0))
    assert left.advice("en") == "Turn a little to the right"
    assert right.advice("en") == "Turn a little to the left"
    assert right.advice("vi") == "Quay mặt sang trái một chút"
    unsure = apply_rule(yaw, Measured(30.0, 5.0))
    assert unsure.state == "not assessed"
    assert "30 give or take 5" in unsure.reason
    assert unsure.advice("en") == ""
    missing = apply_rule(yaw, Measured(None, reason="no face was found"))
    assert (missing.state, missing.reason) == ("not assessed", "no face was found")
