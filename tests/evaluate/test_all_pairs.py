"""All comparisons in one pass, against plain loops."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from mien.evaluate import all_pairs, score_blocks
from mien.evaluate.all_pairs import PairStatistics, compare_all
from mien.evaluate.distributions import decidability, moments
from mien.evaluate.operating_points import can_show, equal_error, error_curve, operating_points, subjects_needed
from mien.evaluate.rates_at import fmr_at, fnmr_at, threshold_at
from mien.evaluate.score_blocks import BINS
from mien.evaluate.strata import strata_at
from mien.rates import rate_of_subjects
from mien.types import floats


def world(seed: int, subjects: int = 60, dimension: int = 6) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Subjects with 1 to 4 samples around their centres, in two strata."""
    generator = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(subjects), generator.integers(1, 5, subjects))
    shuffled = generator.permutation(len(numbers))
    numbers = numbers[shuffled]
    centres = generator.normal(size=(subjects, dimension))
    strata = ["child" if number % 3 == 0 else "adult" for number in numbers]
    return floats(centres[numbers] + generator.normal(0, 0.6, (len(numbers), dimension))), numbers, strata


def plain(embeddings: np.ndarray, numbers: np.ndarray, metric: str) -> dict[tuple[int, int], tuple[float, bool]]:
    """Similarity and truth of every pair."""
    found = {}
    for i, j in itertools.combinations(range(len(numbers)), 2):
        a, b = embeddings[i].astype(float), embeddings[j].astype(float)
        score = a @ b / np.linalg.norm(a) / np.linalg.norm(b) if metric == "cosine" else -np.linalg.norm(a - b)
        found[i, j] = float(score), bool(numbers[i] == numbers[j])
    return found


@pytest.fixture(params=["cosine", "l2"])
def metric(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[(1024, 2048), (16, 24)], ids=["one block", "small blocks"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_blocks, "ROWS", request.param[0])
    monkeypatch.setattr(score_blocks, "COLUMNS", request.param[1])


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("keep", [10**6, 200])
def test_what_is_kept_equals_plain_loops(metric: str, keep: int) -> None:
    embeddings, numbers, strata = world(1)
    pairs = plain(embeddings, numbers, metric)
    found = compare_all(embeddings, numbers, metric, strata=strata, keep=keep)
    nonmated = {pair: score for pair, (score, same) in pairs.items() if not same}
    mated = {pair: score for pair, (score, same) in pairs.items() if same}
    assert found.nonmated == len(nonmated) and len(found.mated) == len(mated)
    best = sorted(nonmated.values(), reverse=True)
    assert len(found.tail) in (len(best), keep, keep - 1, *range(keep - 3, keep + 2))
    np.testing.assert_allclose(found.tail, best[: len(found.tail)], atol=2e-5)
    for score, (i, j) in zip(found.tail, found.tail_samples, strict=True):
        assert nonmated[int(i), int(j)] == pytest.approx(score, abs=2e-5)
    for score, (i, j) in zip(found.mated, found.mated_samples, strict=True):
        assert mated[int(i), int(j)] == pytest.approx(score, abs=2e-5)


@pytest.mark.usefixtures("blocks")
def test_the_histogram_counts_every_pair_of_strata(metric: str) -> None:
    embeddings, numbers, strata = world(2)
    pairs = plain(embeddings, numbers, metric)
    found = compare_all(embeddings, numbers, metric, strata=strata, keep=100)
    edges = found.low + np.arange(-1, BINS) * found.width
    for row, (a, b) in zip(found.histogram, found.pair_of, strict=True):
        names = {found.strata[a], found.strata[b]}
        scores = [s for (i, j), (s, same) in pairs.items() if not same and {strata[i], strata[j]} == names]
        assert row.sum() == len(scores)
        inner = np.histogram(scores, edges[1:-1])[0]
        # A score on the edge of two bins may fall into either.
        assert np.abs(np.cumsum(inner) - np.cumsum(row[1 : BINS - 1])).max() <= 2


@pytest.mark.parametrize("fmr", [0.3, 0.05, 0.005])
@pytest.mark.parametrize("keep", [10**6, 150])
def test_rates_equal_plain_loops(metric: str, fmr: float, keep: int) -> None:
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


def test_intervals_in_the_bulk_are_like_the_exact_ones(metric: str) -> None:
    embeddings, numbers, _ = world(4, subjects=300)
    exact, bulk = compare_all(embeddings, numbers, metric), compare_all(embeddings, numbers, metric, keep=100)
    for fmr in (0.3, 0.1, 0.02):
        one, two = (fmr_at(found, threshold_at(found, fmr)) for found in (exact, bulk))
        assert two.value == pytest.approx(one.value, rel=0.05)
        assert (two.high - two.low) == pytest.approx(one.high - one.low, rel=0.35)


def test_fnmr_takes_its_interval_from_the_subjects(metric: str) -> None:
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


def test_strata_equal_plain_loops(metric: str) -> None:
    embeddings, numbers, strata = world(6)
    pairs = plain(embeddings, numbers, metric)
    found = compare_all(embeddings, numbers, metric, strata=strata)
    limit = threshold_at(found, 0.05)
    rows = {frozenset((row.a, row.b)): row.fmr for row in strata_at(found, limit)}
    assert len(rows) == 3
    for names, rate in rows.items():
        chosen = [s for (i, j), (s, same) in pairs.items() if not same and {strata[i], strata[j]} == names]
        assert rate.count == len(chosen)
        assert rate.value == pytest.approx(np.mean([s >= found.similarity(limit) for s in chosen]))
    sampled = compare_all(embeddings, numbers, metric, strata=strata, keep=50)
    for row in strata_at(sampled, limit):
        rate = rows[frozenset((row.a, row.b))]
        assert row.fmr.value == pytest.approx(rate.value, abs=0.01) and row.fmr.low < rate.value < row.fmr.high


def test_the_equal_error_rate_is_where_the_rates_cross(metric: str) -> None:
    embeddings, numbers, _ = world(7)
    found = compare_all(embeddings, numbers, metric)
    crossing = equal_error(found)
    assert crossing is not None
    rate, limit = crossing
    assert abs(fmr_at(found, limit).value - fnmr_at(found, limit).value) < 0.02
    assert rate == pytest.approx((fmr_at(found, limit).value + fnmr_at(found, limit).value) / 2, abs=0.005)


def test_d_prime_by_its_formula(metric: str) -> None:
    embeddings, numbers, _ = world(8)
    pairs = plain(embeddings, numbers, metric).values()
    found = compare_all(embeddings, numbers, metric)
    mated = np.array([s for s, same in pairs if same])
    other = np.array([s for s, same in pairs if not same])
    formula = abs(mated.mean() - other.mean()) / np.sqrt((mated.var() + other.var()) / 2)
    assert decidability(found.mated, *moments(found)) == pytest.approx(formula, rel=0.01)


def test_the_curve_falls_and_rises() -> None:
    found = compare_all(*world(9)[:2], "cosine")
    curve = error_curve(found, 30)
    assert (np.diff(curve.thresholds) >= 0).all()
    assert (np.diff(curve.fmr[:, 0]) <= 0).all() and (np.diff(curve.fnmr[:, 0]) >= 0).all()
    assert (curve.fmr[:, 1] <= curve.fmr[:, 0]).all() and (curve.fmr[:, 0] <= curve.fmr[:, 2]).all()


def test_a_set_shows_what_it_leads_one_to_expect() -> None:
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


def test_one_sample_a_subject_has_no_mated_comparisons() -> None:
    found = compare_all(world(11)[0][:50], np.arange(50), "cosine")
    assert not len(found.mated) and np.isnan(fnmr_at(found, 0.5).value) and equal_error(found) is None


def test_it_does_not_matter_how_many_threads_work(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, numbers, strata = world(12, subjects=200)
    monkeypatch.setattr(score_blocks, "ROWS", 32)
    monkeypatch.setattr(score_blocks, "COLUMNS", 48)
    results = []
    for cores in (1, 4):
        monkeypatch.setattr(all_pairs, "usable_cores", lambda cores=cores: cores)
        results.append(compare_all(embeddings, numbers, "cosine", strata=strata, keep=500))
    assert (results[0].histogram == results[1].histogram).all()
    assert (results[0].tail_samples[:400] == results[1].tail_samples[:400]).all()


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
