"""What follows from an audit's values: counts, the worst images, reasons, verdicts, and whether the set passes."""

from dataclasses import replace

import numpy as np
import pytest

from mien.messages import Message
from mien.portrait.dataset.audit import Audit, RuleResult, reasons, verdicts
from mien.portrait.dataset.findings import KINDS, Finding
from mien.portrait.rules.schema import Rule
from mien.portrait.rules.verdicts import FAIL, PASS, UNKNOWN, states
from mien.types import floats


def test_states_of_a_rule_are_counted(made_audit: Audit) -> None:
    width, height = made_audit.results
    assert [width.count(state) for state in (PASS, FAIL, UNKNOWN)] == [1, 2, 2]
    assert [height.count(state) for state in (PASS, FAIL, UNKNOWN)] == [3, 1, 1]


def test_the_worst_rows_are_the_farthest_beyond_either_limit() -> None:
    rule = Rule(id="w", measure="width", unit="px", min=100, max=200, severity="error")
    values = floats([150, 90, 260, 40, 210])
    result = RuleResult(rule, states(rule, values, values * 0)[0], values)
    assert result.worst(10) == [2, 3, 1, 4], "60 above and 60 below tie in their order, then 10 and 10"
    assert result.worst(2) == [2, 3]


def test_images_without_a_face_are_not_those_that_cannot_be_read(made_audit: Audit) -> None:
    assert (made_audit.unreadable, made_audit.no_face) == (1, 1)


def test_findings_are_counted_by_kind_and_errors_by_severity(made_audit: Audit) -> None:
    assert made_audit.by_kind == {"stray-file": 2, "same-file": 1}
    assert made_audit.errors == sum(KINDS[kind] == "error" for kind in ("stray-file", "same-file", "stray-file"))


def passing(made_audit: Audit) -> Audit:
    """The same audit without anything that an error could come from."""
    results = tuple(replace(result, states=np.zeros(5, np.int8)) for result in made_audit.results)
    return replace(made_audit, results=results, findings=(), balances=())


def test_a_set_without_errors_passes(made_audit: Audit) -> None:
    assert passing(made_audit).passed and not made_audit.passed


@pytest.mark.parametrize("what", ["rule", "finding", "balance"])
def test_one_error_of_any_kind_fails_the_set(made_audit: Audit, what: str) -> None:
    one = passing(made_audit)
    error = next(kind for kind, severity in KINDS.items() if severity == "error")
    failed = replace(one.results[0], states=np.array([FAIL, 0, 0, 0, 0], np.int8))
    changed = {
        "rule": {"results": (failed, one.results[1])},
        "finding": {"findings": (Finding(kind=error, place="An"),)},
        "balance": {"balances": (replace(made_audit.balances[0], state="fail"),)},
    }[what]
    assert not replace(one, **changed).passed


def test_warnings_and_what_was_not_assessed_do_not_fail_the_set(made_audit: Audit) -> None:
    one = passing(made_audit)
    warning = next(kind for kind, severity in KINDS.items() if severity == "warning")
    unknown = replace(one.results[0], states=np.full(5, UNKNOWN, np.int8))
    warned = replace(one.results[1], states=np.full(5, FAIL, np.int8))
    balance = replace(made_audit.balances[0], state="not assessed")
    changed = replace(
        one, results=(unknown, warned), findings=(Finding(kind=warning, place="An"),), balances=(balance,)
    )
    assert changed.passed


def test_reasons_are_given_for_every_image_that_was_not_assessed(made_audit: Audit) -> None:
    width = made_audit.results[0]
    assert reasons(made_audit, width) == {
        Message("reason.needs-model", {"family": "parsing"}): 1,
        Message("reason.unreadable"): 1,
    }
    unsure = replace(width, states=np.array([UNKNOWN, FAIL, FAIL, UNKNOWN, UNKNOWN], np.int8))
    assert reasons(made_audit, unsure)[Message("reason.uncertain")] == 1
    assert sum(reasons(made_audit, unsure).values()) == unsure.count(UNKNOWN)


def test_a_verdict_comes_from_the_rules_of_severity_error(made_audit: Audit) -> None:
    assert list(verdicts(made_audit, slice(None))) == [
        ("pass", [], []),
        ("fail", ["width-rule"], []),
        ("fail", ["width-rule", "height-rule"], []),
        ("not assessed", [], ["width-rule"]),
        ("not assessed", [], ["width-rule", "height-rule"]),
    ]
    width, height = made_audit.results
    warned = replace(made_audit, results=(width, replace(height, states=np.full(5, FAIL, np.int8))))
    assert next(verdicts(warned, slice(None))) == ("pass", ["height-rule"], [])
