"""The verdict of a rule on measured values, and what it says to do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.messages import Message
from mien.portrait.measures.measure import NO_FACE, Measured
from mien.portrait.rules.files import load_rules
from mien.portrait.rules.schema import Rule
from mien.portrait.rules.verdicts import STATES, apply_rule, states
from mien.types import floats


def rule(min_: float | None, max_: float | None, sure: float | None = None) -> Rule:
    return Rule(id="x", measure="yaw", unit="degrees", min=min_, max=max_, sure=sure, severity="error")


@given(
    st.lists(st.one_of(st.floats(-90, 90), st.just(math.nan)), min_size=1, max_size=20),
    st.one_of(st.none(), st.floats(-60, 0)),
    st.floats(0.1, 60),
)
def test_states_are_those_of_a_plain_loop(values: list[float], min_: float | None, max_: float) -> None:
    one = rule(min_, max_)
    found, low = states(one, floats(values), np.zeros(len(values), np.float32))
    for value, state, is_low in zip(floats(values).tolist(), found, low, strict=True):
        if math.isnan(value):
            assert STATES[state] == "not assessed"
        elif min_ is not None and value < np.float32(min_):
            assert STATES[state] == "fail"
            assert is_low
        elif value > np.float32(max_):
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
    left, right = apply_rule(yaw, Measured(56.0, 3.0)), apply_rule(yaw, Measured(-56.0, 3.0))
    assert left.advice("en") == "Turn your head to the right"
    assert right.advice("en") == "Turn your head to the left"
    assert right.advice("vi") == "Quay mặt sang trái"
    unsure = apply_rule(yaw, Measured(30.0, 5.0))
    assert unsure.state == "not assessed"
    assert unsure.reason.text("en") == "30 ± 5 is too close to the limit"
    assert unsure.reason.text("vi") == "30 ± 5 quá gần giới hạn"
    assert unsure.advice("en").endswith("degrees: 30 ± 5 is too close to the limit")
    lenient = yaw.model_copy(update={"severity": "warning"})
    assert apply_rule(lenient, Measured(30.0, 5.0)).advice("en") == "", "only errors have to be judged"
    missing = apply_rule(yaw, Measured(None, reason=NO_FACE))
    assert (missing.state, missing.reason) == ("not assessed", Message("reason.no-face"))


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (-30.5, "fail"),
        (-30.0, "not assessed"),
        (-27.6, "not assessed"),
        (-27.4, "pass"),
        (27.4, "pass"),
        (29, "not assessed"),
    ],
)
def test_a_value_that_keeps_a_limit_by_less_than_the_doubt_is_not_assessed(value: float, state: str) -> None:
    verdict = apply_rule(rule(-30, 30).model_copy(update={"doubt": 2.5, "sure": None}), Measured(value))
    assert verdict.state == state
    assert verdict.is_unjudged == (state == "not assessed")
    if verdict.is_unjudged:
        assert verdict.reason.text("en") == f"{value:.2f} is too close to the limit"


def test_only_a_failed_rule_of_severity_error_is_an_error() -> None:
    strict = rule(-30, 30)
    lenient = strict.model_copy(update={"severity": "warning"})
    assert apply_rule(strict, Measured(50.0)).is_error
    assert not apply_rule(strict, Measured(20.0)).is_error
    assert not apply_rule(lenient, Measured(50.0)).is_error


@pytest.mark.parametrize(("value", "expected"), [(20.0, True), (50.0, False), (None, False)])
def test_a_verdict_is_true_for_a_pass_alone(value: float | None, expected: bool) -> None:
    assert bool(apply_rule(rule(-30, 30), Measured(value))) is expected


@pytest.mark.parametrize(("value", "is_low"), [(-40.0, True), (40.0, False)])
def test_a_failure_says_on_which_side_it_is(value: float, is_low: bool) -> None:
    assert apply_rule(rule(-30, 30), Measured(value)).is_low is is_low
