"""Between which thresholds the one for a rate is: by trying every place between two scores."""

import numpy as np
import pytest

from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import operating_point
from mien.pairwise.rates_at import fmr_at, threshold_at
from mien.pairwise.threshold_ends import beyond_all, threshold_ends
from mien.types import floats


def people(subjects: int, samples: int, common: float, seed: int = 0) -> PairStatistics:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(subjects, 24))
    centres[:, 0] += common * generator.normal(size=subjects)
    numbers = np.repeat(np.arange(subjects), samples)
    return compare_all(floats(centres[numbers] + 0.8 * generator.normal(size=(len(numbers), 24))), numbers, "cosine")


@pytest.mark.parametrize("fmr", [0.1, 1e-2])
def test_at_its_ends_the_wanted_rate_is_just_inside_of_the_interval(fmr: float) -> None:
    pairs = people(60, 4, 0.5)
    ends = threshold_ends(pairs, fmr)
    assert ends.missing == 0 and ends.loose < threshold_at(pairs, fmr) < ends.strict
    assert fmr_at(pairs, ends.strict).high == pytest.approx(fmr, rel=0.15)
    assert fmr_at(pairs, ends.loose).low == pytest.approx(fmr, rel=0.15)


def test_a_set_that_rests_on_few_pairs_of_people_has_no_strict_end_and_says_how_many_people_are_missing() -> None:
    pairs = people(40, 4, 2.5)
    ends = threshold_ends(pairs, 1e-3)
    assert ends.missing > 0 and ends.strict == beyond_all(pairs)
    assert fmr_at(pairs, ends.strict).value == 0.0
    point = operating_point(pairs, 1e-3)
    assert point.threshold_interval is None and point.missing == ends.missing
    assert point.fnmr is not None and point.fnmr.interval is None


def test_the_threshold_among_all_people_is_between_the_ends_about_as_often_as_they_say() -> None:
    truth = threshold_at(people(1500, 1, 0.5, seed=99), 1e-2)
    held = [
        ends.loose <= truth <= ends.strict
        for ends in (threshold_ends(people(60, 2, 0.5, seed), 1e-2) for seed in range(1, 61))
    ]
    assert np.mean(held) >= 0.85
