"""Evidence of scores: never falls, and is learned from mixtures whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.portrait.dataset.evidence import NOTHING, Evidence, fit_evidence, logistic
from mien.types import floats


@given(st.floats(-2, 2), st.floats(0.01, 1), st.floats(0.05, 1), st.floats(0.01, 1))
def test_evidence_never_falls_as_scores_rise(other: float, other_sd: float, gap: float, same_sd: float) -> None:
    evidence = Evidence(other + gap, same_sd, other, other_sd, 0.9)
    values = evidence.of(floats(np.linspace(other - 1, other + gap + 1, 200)))
    between = (np.linspace(other - 1, other + gap + 1, 200) >= other) & (
        np.linspace(other - 1, other + gap + 1, 200) <= other + gap
    )
    assert (np.diff(values[between]) >= -1e-4).all()
    assert np.abs(values).max() <= 8


def test_a_mixture_is_taken_apart() -> None:
    draw = np.random.default_rng(0)
    across = floats(draw.normal(0.1, 0.1, 20_000))
    within = floats(np.concatenate([draw.normal(0.6, 0.12, 8_000), draw.normal(0.1, 0.1, 2_000)]))
    found = fit_evidence(across, within)
    assert (found.other, found.other_sd) == pytest.approx((0.1, 0.1), abs=0.005)
    assert (found.same, found.same_sd) == pytest.approx((0.6, 0.12), abs=0.01)
    assert found.share == pytest.approx(0.8, abs=0.01)


def test_with_little_to_learn_from_one_person_is_four_deviations_above_two() -> None:
    assert fit_evidence(floats([]), floats([0.5])) == NOTHING
    few = fit_evidence(floats([0.0, 0.2] * 40), floats([0.9] * 30))
    assert few.same == pytest.approx(0.1 + 4 * 0.1, abs=1e-4)
    assert few.same > few.other


def test_the_logistic_function_turns_odds_into_a_probability() -> None:
    assert [round(logistic(x), 4) for x in (-2.0, 0.0, 2.0)] == [0.1192, 0.5, 0.8808]
