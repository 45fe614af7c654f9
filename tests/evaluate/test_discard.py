"""Error versus discard against plain loops, and its two ends: a quality that says nothing and an ideal one."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.evaluate.discard import LIMIT, STEPS, discard_curve, keep_best
from mien.evaluate.protocols.sections import subject_numbers
from mien.evaluate.scorefile import Embedded
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.rates_at import threshold_at
from mien.types import Floats, floats

Make = Callable[..., Embedded]


@pytest.fixture
def pairs(make_embedded: Make) -> PairStatistics:
    embedded = make_embedded(subjects=150, noise=1.0)
    return compare_all(embedded.embeddings, subject_numbers(embedded), "cosine")


def plainly(pairs: PairStatistics, quality: Floats, threshold: float, share: float) -> float:
    rows = [
        (min(quality[a], quality[b]), bool(score < threshold))
        for (a, b), score in zip(pairs.mated_samples.tolist(), pairs.mated.astype(np.float64), strict=True)
    ]
    kept = [missed for _, missed in sorted(rows)[int(share * len(rows) + 1e-9) :]]
    return sum(kept) / len(kept)


def test_the_curve_is_that_of_plain_loops(pairs: PairStatistics) -> None:
    quality = floats(np.random.default_rng(0).uniform(size=len(pairs.subjects)))
    # Comparisons that share their worse sample are equal; a little noise would part them, so samples are unlike.
    threshold = threshold_at(pairs, 1e-2)
    curve = discard_curve(pairs, quality, threshold)
    assert len(curve.shares) == STEPS and curve.shares[-1] == LIMIT and curve.left_out == 0
    for share, rate in zip(curve.shares.tolist(), curve.fnmr, strict=True):
        of_pair = quality[pairs.mated_samples].min(axis=1)
        cut = int(share * len(of_pair) + 1e-9)
        ordered = np.sort(of_pair)
        if cut == 0 or ordered[cut - 1] != ordered[cut]:
            assert rate.value == pytest.approx(plainly(pairs, quality, threshold, share))
        assert rate.low <= rate.value <= rate.high
    values = [rate.value for rate in curve.fnmr]
    assert curve.area.value == pytest.approx(np.trapezoid(values, curve.shares) / LIMIT)


def test_a_quality_that_knows_the_errors_has_the_whole_gain(pairs: PairStatistics) -> None:
    threshold = threshold_at(pairs, 1e-1)
    missed = np.zeros(len(pairs.subjects), bool)
    wrong = pairs.mated < threshold
    missed[np.unique(pairs.mated_samples[wrong])] = True
    touched = missed[pairs.mated_samples].any(axis=1)
    assert 0 < touched.mean() < 1
    knowing = discard_curve(pairs, floats(np.where(missed, 0, 1) + np.arange(len(missed)) * 1e-6), threshold)
    blind = discard_curve(pairs, np.ones(len(missed), np.float32), threshold)
    turned = discard_curve(pairs, floats(np.where(missed, 1, 0) + np.arange(len(missed)) * 1e-6), threshold)
    assert blind.gain == pytest.approx(0), "equal qualities go together, so nothing is discarded"
    assert knowing.gain > 0.2 > 0.1 > turned.gain
    assert (knowing.ideal <= [rate.value + 1e-9 for rate in knowing.fnmr]).all()
    assert knowing.ideal[0] == knowing.fnmr[0].value == blind.fnmr[-1].value


def test_unknown_qualities_are_left_out_and_counted(pairs: PairStatistics) -> None:
    quality = floats(np.random.default_rng(0).uniform(size=len(pairs.subjects)))
    quality[int(pairs.mated_samples[0, 0])] = np.nan
    curve = discard_curve(pairs, quality, threshold_at(pairs, 1e-2))
    with_it = (pairs.mated_samples == pairs.mated_samples[0, 0]).any(axis=1).sum()
    assert curve.left_out == with_it > 0 and curve.fnmr[0].count == len(pairs.mated) - with_it


def test_without_errors_no_gain_is_claimed(make_embedded: Make) -> None:
    embedded = make_embedded(subjects=60, noise=0.01)
    pairs = compare_all(embedded.embeddings, subject_numbers(embedded), "cosine")
    quality = floats(np.random.default_rng(0).uniform(size=len(pairs.subjects)))
    curve = discard_curve(pairs, quality, threshold_at(pairs, 1e-2))
    assert np.isnan(curve.gain) and curve.area.value == 0 and curve.area.high > 0


@pytest.mark.parametrize(
    ("quality", "share", "kept"),
    [
        ([3, 1, 2, 4], 0.0, [0, 1, 2, 3]),
        ([3, 1, 2, 4], 0.5, [0, 3]),
        ([3, 1, 2, 4], 0.49, [0, 2, 3]),
        ([1, 1, 1, 4], 0.5, [0, 1, 2, 3]),
        ([0, 1, 1, 4], 0.5, [1, 2, 3]),
    ],
)
def test_never_more_than_the_share_is_discarded_and_equal_ones_together(
    quality: list[float], share: float, kept: list[int]
) -> None:
    assert keep_best(floats(quality), share).tolist() == kept
