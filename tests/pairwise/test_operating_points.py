"""The curve, the equal error rate, and which rates a set can show."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import can_show, equal_error, error_curve, operating_points, subjects_needed
from mien.pairwise.rates_at import fmr_at, fnmr_at, threshold_at
from mien.types import Floats

World = Callable[..., tuple[Floats, np.ndarray, list[str]]]


def test_the_equal_error_rate_is_where_the_rates_cross(metric: str, world: World) -> None:
    embeddings, numbers, _ = world(7)
    found = compare_all(embeddings, numbers, metric)
    crossing = equal_error(found)
    assert crossing is not None
    rate, limit = crossing.rate, crossing.threshold
    assert abs(fmr_at(found, limit).value - fnmr_at(found, limit).value) < 0.02
    assert rate.value == pytest.approx((fmr_at(found, limit).value + fnmr_at(found, limit).value) / 2, abs=0.005)
    assert rate.low <= rate.value <= rate.high


def test_the_curve_falls_and_rises(world: World) -> None:
    found = compare_all(*world(9)[:2], "cosine")
    curve = error_curve(found, 30)
    assert (np.diff(curve.thresholds) >= 0).all()
    assert (np.diff(curve.fmr[:, 0]) <= 0).all() and (np.diff(curve.fnmr[:, 0]) >= 0).all()
    assert (curve.fmr[:, 1] <= curve.fmr[:, 0]).all() and (curve.fmr[:, 0] <= curve.fmr[:, 2]).all()


def test_a_set_shows_what_it_leads_one_to_expect(world: World) -> None:
    found = compare_all(*world(10)[:2], "cosine")
    smallest = 10 / found.nonmated
    assert can_show(found, smallest * 1.01) and not can_show(found, smallest * 0.99)
    assert [point.wanted for point in operating_points(found)] == [0.1, 0.01, 0.001]
    more = subjects_needed(found, 1e-4)
    enough = replace_subjects(found, 60 + more)
    assert can_show(enough, 1e-4) and subjects_needed(found, 0.1) == 0
    with pytest.raises(ValueError, match="cannot show a false match rate of 1e-09"):
        threshold_at(found, 1e-9)


def replace_subjects(found: PairStatistics, subjects: int) -> PairStatistics:
    """A scan with as many comparisons as so many subjects would make."""
    each = len(found.subjects) / 60
    comparisons = subjects * (subjects - 1) / 2 * each**2
    return replace(found, histogram=np.array([[int(comparisons)]]))
