"""FMR and FNMR against plain loops over all pairs."""

import itertools

import numpy as np
import pytest

from mien.rates import compare_all, fmr_at, fnmr_at, threshold_at
from mien.types import floats


def world(seed: int, subjects: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Subjects with 1 to 4 samples around their centres."""
    generator = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(subjects), generator.integers(1, 5, subjects))
    centres = generator.normal(size=(subjects, 6))
    return floats(centres[numbers] + generator.normal(0, 0.6, (len(numbers), 6))), numbers


def plain(embeddings: np.ndarray, numbers: np.ndarray, metric: str) -> tuple[list[float], list[float]]:
    mated, nonmated = [], []
    for i, j in itertools.combinations(range(len(numbers)), 2):
        a, b = embeddings[i].astype(float), embeddings[j].astype(float)
        score = a @ b / np.linalg.norm(a) / np.linalg.norm(b) if metric == "cosine" else np.linalg.norm(a - b)
        (mated if numbers[i] == numbers[j] else nonmated).append(float(score))
    return mated, nonmated


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("fmr", [0.1, 0.02, 0.005])
def test_rates_equal_plain_loops(metric: str, fmr: float) -> None:
    embeddings, numbers = world(1)
    mated, nonmated = plain(embeddings, numbers, metric)
    comparisons = compare_all(embeddings, numbers, metric, worst_fmr=0.2)
    assert comparisons.nonmated == len(nonmated) and len(comparisons.mated) == len(mated)
    limit = threshold_at(comparisons, fmr)
    matches = [s >= limit if metric == "cosine" else s <= limit for s in nonmated]
    misses = [s < limit if metric == "cosine" else s > limit for s in mated]
    assert sum(matches) == int(fmr * len(nonmated))
    assert fmr_at(comparisons, limit).value == pytest.approx(np.mean(matches))
    assert fnmr_at(comparisons, limit).value == pytest.approx(np.mean(misses))


def test_intervals_hold_the_value_and_shrink_with_more_subjects() -> None:
    widths = []
    for subjects in (30, 120):
        embeddings, numbers = world(2, subjects)
        comparisons = compare_all(embeddings, numbers, "l2", worst_fmr=0.2)
        limit = threshold_at(comparisons, 0.05)
        for rate in (fmr_at(comparisons, limit), fnmr_at(comparisons, limit)):
            assert rate.low <= rate.value <= rate.high
        widths.append(fnmr_at(comparisons, limit).high - fnmr_at(comparisons, limit).low)
    assert widths[1] < widths[0]


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Fifty worlds of the same kind: the FNMR of a large one lies in most of their intervals."""
    embeddings, numbers = world(1000, 1500)
    limit = 2.0
    truth = fnmr_at(compare_all(embeddings, numbers, "l2", worst_fmr=0.2), limit).value
    covered = 0
    for seed in range(50):
        some, who = world(seed, 60)
        rate = fnmr_at(compare_all(some, who, "l2", worst_fmr=0.2), limit)
        covered += rate.low <= truth <= rate.high
    assert covered >= 42


def test_a_rate_that_the_data_cannot_show_is_refused() -> None:
    embeddings, numbers = world(3, 5)
    comparisons = compare_all(embeddings, numbers, "l2", worst_fmr=0.5)
    with pytest.raises(ValueError, match="cannot show a false match rate of 1e-06"):
        threshold_at(comparisons, 1e-6)


def test_no_false_match_has_an_upper_bound_above_zero() -> None:
    embeddings, numbers = world(4)
    comparisons = compare_all(embeddings, numbers, "l2", worst_fmr=0.1)
    rate = fmr_at(comparisons, 0.0)
    assert rate.value == 0 and rate.low == 0 and 0 < rate.high < 0.2


def test_one_sample_a_subject_has_no_mated_pairs() -> None:
    comparisons = compare_all(world(5)[0][:20], np.arange(20), "cosine", worst_fmr=0.1)
    assert np.isnan(fnmr_at(comparisons, 0.5).value) and len(comparisons.mated) == 0
