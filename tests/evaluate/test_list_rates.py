"""Rates of a list of pairs: shares, DeLong's variance by plain loops, and how often intervals hold the truth."""

import numpy as np
import pytest

from mien.evaluate import list_rates
from mien.evaluate.list_rates import (
    area_of,
    equal_error,
    false_matches,
    false_nonmatches,
    list_points,
    share_right,
)
from mien.evaluate.pair_lists import ScoredPairs, roc
from mien.types import floats


def drawn(seed: int, count: int) -> ScoredPairs:
    """Pairs of which nobody knows the subjects."""
    generator = np.random.default_rng(seed)
    mated = generator.random(count) < 0.5
    scores = floats(generator.normal(0.4 * mated, 0.2).round(2))
    return ScoredPairs(scores, mated, np.zeros(count, np.int64), np.full((count, 2), -1))


def people(generator: np.random.Generator, count: int, each: int) -> ScoredPairs:
    """Some people's pairs: `each` mated ones, and as many with others; a person's scores lie together."""
    own, other = generator.normal(0.4, 0.15, count), generator.normal(0, 0.1, count)
    who = np.repeat(np.arange(count), each)
    strangers = (who + generator.integers(1, count, len(who))) % count
    mated = generator.normal(own[who], 0.15)
    nonmated = generator.normal(other[who] + other[strangers], 0.15)
    subjects = np.concatenate([np.stack([who, who], axis=1), np.stack([who, strangers], axis=1)])
    truth = np.arange(2 * len(who)) < len(who)
    return ScoredPairs(floats(np.concatenate([mated, nonmated])), truth, np.zeros(2 * len(who), np.int64), subjects)


def test_a_pair_without_an_embedding_is_an_error_and_never_a_match() -> None:
    scores = floats([0.9, 0.8, 0.1, 0.2, 0.9, -np.inf, 0.1, -np.inf])
    mated = np.array([1, 1, 0, 0, 1, 1, 0, 0], bool)
    listed = ScoredPairs(scores, mated, np.zeros(8, np.int64), np.full((8, 2), -1))
    assert false_nonmatches(listed, 0.5).value == 0.25
    assert false_matches(listed, -2).value == 0.75


def test_points_stop_where_the_list_ends() -> None:
    listed = drawn(3, 2400)
    points = list_points(listed)
    nonmated = listed.scores[~listed.mated]
    assert [point.wanted for point in points] == [0.1, 0.01]
    for point in points:
        assert (nonmated >= point.threshold).mean() == pytest.approx(point.fmr.value)
        assert point.fmr.value <= point.wanted
        assert point.fnmr.value == pytest.approx((listed.scores[listed.mated] < point.threshold).mean())


def test_known_subjects_widen_the_interval() -> None:
    generator = np.random.default_rng(0)
    scores = np.repeat(generator.normal(0, 1, 40), 50)
    subjects = np.column_stack([np.repeat(np.arange(40), 50), 40 + np.arange(2000) % 37])
    listed = ScoredPairs(floats(scores), np.zeros(2000, bool), np.zeros(2000, int), subjects)
    unknown = ScoredPairs(listed.scores, listed.mated, listed.folds, np.full((2000, 2), -1))
    one, two = false_matches(listed, 1.0), false_matches(unknown, 1.0)
    assert one.value == two.value and one.high - one.low > 2 * (two.high - two.low)


def test_the_area_has_delongs_variance_where_every_pair_is_its_own() -> None:
    listed = drawn(5, 300)
    above, below = listed.scores[listed.mated], listed.scores[~listed.mated]
    better = np.array([[float(a > b) + 0.5 * float(a == b) for b in below] for a in above])
    variance = better.mean(axis=1).var(ddof=1) / len(above) + better.mean(axis=0).var(ddof=1) / len(below)
    found = area_of(listed, roc(listed.scores, listed.mated))
    value = better.mean()
    assert found.value == pytest.approx(value)
    # The logit's interval is that many deviations wide; the quantile is Student's for some 300 people.
    width = np.log(found.high / (1 - found.high)) - np.log(found.low / (1 - found.low))
    assert width == pytest.approx(2 * 1.97 * np.sqrt(variance) / (value * (1 - value)), rel=0.05)


def test_the_equal_error_rate_and_the_area_hold_the_truth_about_as_often_as_they_say() -> None:
    generator = np.random.default_rng(6)
    large = people(generator, 100_000, 4)
    curve = roc(large.scores, large.mated)
    rate, area = equal_error(large, curve).rate.value, area_of(large, curve).value
    held = np.zeros(3)
    for _ in range(300):
        listed = people(generator, 60, 5)
        curve = roc(listed.scores, listed.mated)
        point = equal_error(listed, curve).rate, area_of(listed, curve), list_points(listed)[0].fnmr
        limit = float(np.quantile(large.scores[~large.mated], 0.9))
        truth = rate, area, float((large.scores[large.mated] < limit).mean())
        held += [one.low <= value <= one.high for one, value in zip(point, truth, strict=True)]
    assert (held / 300 >= 0.92).all() and (held / 300 <= 0.99).all()


def test_a_share_of_right_decisions_counts_a_pair_for_both_of_its_people() -> None:
    listed = people(np.random.default_rng(7), 40, 6)
    right = (listed.scores > 0.2) == listed.mated
    found = share_right(listed, right)
    alone = share_right(ScoredPairs(listed.scores, listed.mated, listed.folds, np.full((480, 2), -1)), right)
    assert found.value == right.mean() and found.high - found.low > alone.high - alone.low


def test_all_right_is_the_rule_of_three_over_people() -> None:
    listed = people(np.random.default_rng(8), 30, 2)
    assert share_right(listed, np.ones(120, bool)).low == pytest.approx(1 - 6 / 30)
    assert false_nonmatches(listed, -9.0).high == pytest.approx(3 / 30)


def test_a_small_table_of_pairs_and_a_look_up_give_the_same_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(4)
    who = generator.integers(0, 50, (4000, 2))
    events = generator.random(4000) < 0.1
    table = list_rates.mean_moves(events, who, 50)
    monkeypatch.setattr(list_rates, "MIN_TABLE", 0)
    sparse = who * 100
    looked_up = list_rates.mean_moves(events, sparse, int(sparse.max()) + 1)
    assert looked_up.twice == pytest.approx(table.twice) and looked_up.subjects == table.subjects
    assert looked_up.variance == pytest.approx(table.variance)


def test_subjects_are_numbered_without_gaps_in_their_order() -> None:
    numbers = np.array([[7, 3], [3, 90], [7, 0]])
    assert list_rates._without_gaps(numbers).tolist() == [[2, 1], [1, 3], [2, 0]]
    dense = np.array([[0, 1], [2, 1]])
    assert list_rates._without_gaps(dense) is dense


def test_a_list_without_any_error_has_no_interval_of_one_point() -> None:
    for mated in range(20, 90):
        truth = np.arange(mated + 60) < mated
        scores = floats(truth + np.linspace(0, 0.5, len(truth)))
        subjects = np.stack([np.arange(len(truth)), np.arange(len(truth)) + ~truth * len(truth)], axis=1)
        listed = ScoredPairs(scores, truth, np.zeros(len(truth), np.int64), subjects)
        found = area_of(listed, roc(scores, truth))
        assert found.value == 1
        assert found.low == pytest.approx(1 - 3 / mated)
        assert found.high == 1
