"""The overall quality is a mean by weight of what could be taken."""

import pytest

from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.measures.measure import Measured
from mien.portrait.measures.quality import WEIGHTS, overall


def of(**qualities: float | None) -> dict[str, Measured]:
    return {name: Measured(1.0, quality=qualities.get(name)) for name in MEASURES}


def test_weights_are_of_measures_that_have_a_quality_and_add_up_to_1() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1, abs=0.002) and min(WEIGHTS.values()) > 0
    assert all(MEASURES[name].quality is not None for name in WEIGHTS)


def test_only_what_could_be_taken_counts_by_its_weight() -> None:
    assert overall(of(**dict.fromkeys(WEIGHTS, 70.0))) == pytest.approx(70)
    expected = (0.183 * 100 + 0.103 * 20) / (0.183 + 0.103)
    assert overall(of(yaw=100.0, sharpness=20.0, stamp=0.0)) == pytest.approx(expected)
    assert overall(of()) == 0
