"""Units of scores and their conversion, from their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import ContractError
from mien.scores import normalize, score_pairs
from mien.types import floats
from mien.units import UNIT_OF, UNITS, better_is_higher, convert, convert_unit_length


def sample(seed: int, rows: int) -> np.ndarray:
    return floats(np.random.default_rng(seed).normal(size=(rows, 8)))


@given(st.floats(-1, 1), st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_units_convert_there_and_back(cosine: float, one: str, other: str) -> None:
    value = convert(cosine, "cosine", one, unit_length=True)
    there = convert(value, one, other, unit_length=True)
    assert convert(there, other, one, unit_length=True) == pytest.approx(value, abs=1e-6)


def test_the_law_of_cosines() -> None:
    a, b = normalize(sample(2, 20)), normalize(sample(3, 20))
    for cosine, gap in zip(score_pairs(a, b, "cosine"), score_pairs(a, b, "l2"), strict=True):
        assert convert(float(gap), "L2", "cosine", unit_length=True) == pytest.approx(cosine, abs=1e-5)
        assert convert(float(gap), "L2", "squared L2", unit_length=False) == pytest.approx(gap**2, abs=1e-6)


def test_the_predecessors_threshold_in_three_units() -> None:
    assert convert(1.22, "L2", "squared L2", unit_length=True) == pytest.approx(1.488, abs=1e-3)
    assert convert(1.22, "L2", "cosine", unit_length=True) == pytest.approx(0.256, abs=1e-3)


def test_a_cosine_of_raw_embeddings_is_not_converted() -> None:
    with pytest.raises(ContractError, match="do not have unit length"):
        convert(0.6, "L2", "cosine", unit_length=False)


def test_impossible_values_are_refused() -> None:
    with pytest.raises(ValueError, match="between -1 and 1"):
        convert(1.5, "cosine", "L2", unit_length=True)
    with pytest.raises(ValueError, match="not negative"):
        convert(-0.1, "L2", "squared L2", unit_length=True)


def test_directions_and_names() -> None:
    assert [better_is_higher(unit) for unit in UNITS] == [True, False, False]
    assert UNIT_OF == {"cosine": "cosine", "l2": "L2"}


def test_one_value_in_every_unit() -> None:
    found = convert_unit_length(1.22, "L2")
    assert found == pytest.approx({"cosine": 0.2558, "L2": 1.22, "squared L2": 1.4884})
    assert convert_unit_length(2, "L2")["cosine"] == -1 and convert_unit_length(4, "squared L2")["cosine"] == -1
    for value, unit in ((2.01, "L2"), (4.01, "squared L2"), (-0.1, "L2"), (1.01, "cosine")):
        with pytest.raises(ValueError, match=r"unit length|between -1 and 1"):
            convert_unit_length(value, unit)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("unit", ["cosine", "L2", "squared L2"])
def test_a_threshold_that_is_no_number_is_converted_to_nothing(unit: str, value: float) -> None:
    with pytest.raises(ValueError, match=r"nan|inf"):
        convert_unit_length(value, unit)  # type: ignore[arg-type]
