"""The verdict of one rule on measured values: pass, fail, or not assessed. Takes no measures and reads no file."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.messages import Message
from mien.portrait.measures.measure import Measured
from mien.portrait.rules.schema import Rule
from mien.portrait.rules.text import advice, unjudged_advice
from mien.types import Floats, floats

State = Literal["pass", "fail", "not assessed"]
STATES: tuple[State, ...] = ("pass", "fail", "not assessed")
PASS, FAIL, UNKNOWN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """What a rule says of a measured value. It is true for a pass alone.

    Attributes:
        rule: which.
        state: pass, fail or not assessed, which is neither.
        measured: the value.
        reason: why it was not assessed; None where it was.
        is_low: whether it failed for being too low.
    """

    rule: Rule
    state: State
    measured: Measured
    reason: Message | None = None
    is_low: bool = False

    @property
    def is_error(self) -> bool:
        """Whether it is a failure of a rule of severity error."""
        return self.state == "fail" and self.rule.severity == "error"

    @property
    def is_unjudged(self) -> bool:
        """Whether it leaves open if a rule of severity error is met."""
        return self.state == "not assessed" and self.rule.severity == "error"

    def __bool__(self) -> bool:
        return self.state == "pass"

    def advice(self, language: str) -> str:
        """What to do about a failure, or about an error that cannot be judged; empty where there is neither."""
        if self.is_unjudged and self.reason is not None:
            return unjudged_advice(self.rule, self.reason, language)
        if self.state != "fail" or self.measured.value is None:
            return ""
        return advice(self.rule, self.measured.value, language)


def states(rule: Rule, values: Floats, sds: Floats) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Compare measured values with a rule.

    With a standard deviation and `sure`, a value passes if it is within the limits with that probability, fails if it
    is outside of them with that probability, and is not assessed in between. With `doubt`, a value that keeps a limit
    by less than that is not assessed either.

    Args:
        rule: with its limits.
        values: (N,) float32, NaN where there is none.
        sds: (N,) float32 standard deviations, 0 where they are not known.

    Returns:
        (N,) numbers of STATES, and (N,) whether a failure is one of being too low.
    """
    values = floats(values)
    min_, max_ = rule.limits
    with np.errstate(invalid="ignore"):
        outside = (values < min_) | (values > max_)
        found = np.where(outside, FAIL, PASS).astype(np.int8)
        if rule.sure is not None and (sds > 0).any():
            inside = _inside(values, sds, min_, max_)
            graded = np.where(inside >= rule.sure, PASS, np.where(inside <= 1 - rule.sure, FAIL, UNKNOWN))
            found = np.where(sds > 0, graded, found).astype(np.int8)
        is_low = values - min_ < max_ - values if np.isfinite(min_) else np.zeros(len(values), bool)
    if rule.doubt:
        close = (values < min_ + rule.doubt) | (values > max_ - rule.doubt)
        found = np.where((found == PASS) & close, UNKNOWN, found).astype(np.int8)
    found[np.isnan(values)] = UNKNOWN
    return found, np.asarray(is_low, bool)


def _inside(values: Floats, sds: Floats, min_: float, max_: float) -> Floats:
    """How probable it is that the true values are within the limits."""
    from scipy.special import ndtr

    spread = np.maximum(sds, 1e-9)
    return np.asarray(ndtr((max_ - values) / spread) - ndtr((min_ - values) / spread))


def apply_rule(rule: Rule, measured: Measured) -> RuleVerdict:
    """Compare one measured value with a rule; see states."""
    value = measured.value
    if value is None:
        return RuleVerdict(rule, "not assessed", measured, measured.reason)
    found, is_low = states(rule, floats([value]), floats([measured.sd]))
    state = STATES[found[0]]
    unsure = (
        Message("reason.unsure", {"value": float(value), "sd": float(measured.sd)})
        if measured.sd
        else Message("reason.doubtful", {"value": float(value)})
    )
    return RuleVerdict(rule, state, measured, unsure if state == "not assessed" else None, bool(is_low[0]))


def apply_rules(rules: tuple[Rule, ...], measures: dict[str, Measured]) -> tuple[RuleVerdict, ...]:
    """The verdict of every rule."""
    return tuple(apply_rule(rule, measures[rule.measure]) for rule in rules)
