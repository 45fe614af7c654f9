"""Rates at a threshold and thresholds at a rate, against plain loops."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.pairwise.all_pairs import compare_all
from mien.pairwise.operating_points import equal_error
from mien.pairwise.rates_at import fmr_at, fnmr_at, threshold_at
from mien.rates import rate_of_subjects
from mien.types import Floats, floats

World = Callable[..., tuple[Floats, np.ndarray, list[str]]]
Plain = Callable[..., dict[tuple[int, int], tuple[float, bool]]]


@pytest.mark.parametrize("fmr", [0.3, 0.05, 0.005])
@pytest.mark.parametrize("keep", [10**6, 150])
def test_rates_equal_plain_loops(metric: str, fmr: float, keep: int, world: World, plain: Plain) -> None:
    embeddings, numbers, _ = world(3)
    pairs = plain(embeddings, numbers, metric).values()
    found = compare_all(embeddings, numbers, metric, keep=keep)
    limit = found.similarity(threshold_at(found, fmr))
    matches = np.mean([score >= limit for score, same in pairs if not same])
    misses = np.mean([score < limit for score, same in pairs if same])
    exact = keep > 150 or fmr == 0.005
    assert matches == pytest.approx(fmr, abs=0.001 if exact else 0.01)
    rate = fmr_at(found, found.value(limit))
    assert rate.value == pytest.approx(matches, abs=1e-9 if exact else 0.01)
    assert rate.low < rate.value < rate.high
    assert fnmr_at(found, found.value(limit)).value == pytest.approx(misses)


def test_intervals_in_the_bulk_are_like_the_exact_ones(metric: str, world: World) -> None:
    embeddings, numbers, _ = world(4, subjects=300)
    exact, bulk = compare_all(embeddings, numbers, metric), compare_all(embeddings, numbers, metric, keep=100)
    for fmr in (0.3, 0.1, 0.02):
        one, two = (fmr_at(found, threshold_at(found, fmr)) for found in (exact, bulk))
        assert two.value == pytest.approx(one.value, rel=0.05)
        assert (two.high - two.low) == pytest.approx(one.high - one.low, rel=0.35)


def test_fnmr_takes_its_interval_from_the_subjects(metric: str, world: World) -> None:
    embeddings, numbers, _ = world(5)
    found = compare_all(embeddings, numbers, metric)
    limit = threshold_at(found, 0.05)
    errors, trials = np.zeros(60), np.zeros(60)
    for score, (i, _) in zip(found.mated, found.mated_samples, strict=True):
        trials[numbers[i]] += 1
        errors[numbers[i]] += score < found.similarity(limit)
    assert fnmr_at(found, limit) == rate_of_subjects(errors, trials)


def test_false_matches_of_one_pair_of_subjects_count_together() -> None:
    """Four samples of two people who look alike are 16 matches, and no more evidence than one pair of people."""
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(40, 16))
    numbers = np.repeat(np.arange(40), 4)
    alike = np.repeat(vectors, 4, axis=0) + generator.normal(0, 0.01, (160, 16))
    alike[4:8] = alike[0:4] + 0.001
    found = compare_all(floats(alike), numbers, "cosine")
    rate = fmr_at(found, 0.98)
    assert round(rate.value * found.nonmated) == 16
    independent = 16 / found.nonmated
    assert rate.high > 3 * independent, "sixteen independent matches would have an interval of half this width"


def test_one_sample_a_subject_has_no_mated_comparisons(world: World) -> None:
    found = compare_all(world(11)[0][:50], np.arange(50), "cosine")
    assert not len(found.mated) and np.isnan(fnmr_at(found, 0.5).value) and equal_error(found) is None


def test_equal_scores_are_accepted_all_or_none() -> None:
    """Four people of whom two pairs are equally alike: no threshold lets one of them pass alone."""
    vectors = np.zeros((40, 40), np.float32)
    vectors[np.arange(40), np.arange(40)] = 1
    vectors[1, 0] = vectors[3, 2] = vectors[5, 4] = 2
    found = compare_all(vectors, np.arange(40), "cosine")
    total = found.nonmated
    assert total == 780 and (found.tail[:3] > 0.5).all() and (found.tail[3:] == 0).all()
    for allowed in (1, 2):
        limit = threshold_at(found, (allowed + 0.5) / total)
        assert limit > 0.5 and fmr_at(found, limit).value == 0
    assert round(fmr_at(found, threshold_at(found, 3.5 / total)).value * total) == 3
