"""Verification: a case by hand, plain loops, and scikit-learn."""

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import KFold

from mien.errors import ManifestError
from mien.evaluate.pair_lists import (
    SamplePlaces,
    ScoredPairs,
    area,
    equal_error_rate,
    folded_accuracy,
    place_pairs,
    roc,
    squared_l2_grid,
)
from mien.types import floats


def pairs(scores: list[float], mated: list[int], folds: list[int]) -> ScoredPairs:
    unknown = np.full((len(scores), 2), -1)
    return ScoredPairs(floats(scores), np.array(mated, bool), np.array(folds), unknown)


def drawn(seed: int, count: int = 600, folds: int = 10) -> ScoredPairs:
    generator = np.random.default_rng(seed)
    mated = generator.random(count) < 0.5
    scores = generator.normal(0.4 * mated, 0.2).round(2)
    return pairs(scores.tolist(), mated.tolist(), (np.arange(count) * folds // count).tolist())


def test_a_case_made_by_hand() -> None:
    """Fold 0 is scored at 0.5, between 0.4 and 0.6 of fold 1: 3 of 4 right. Fold 1 at 0.45: 4 of 4 right."""
    listed = pairs([0.9, 0.55, 0.5, 0.1, 0.8, 0.6, 0.4, 0.2], [1, 0, 1, 0, 1, 1, 0, 0], [0] * 4 + [1] * 4)
    found = folded_accuracy(listed)
    assert found.thresholds[0] == pytest.approx(0.5)
    # Of fold 0 the thresholds 0.3 (3 of 4 right) and 0.725 (3 of 4) are equally good, and 0.525 is worse.
    assert found.folds[0] == 0.75
    assert found.mean == np.mean(found.folds) and found.deviation == np.std(found.folds)


def test_published_accuracy_from_published_thresholds() -> None:
    """Squared distances whose accuracies on the field's grid are known by counting: arange(0, 4, 0.01), d < t."""
    distances = [0.355, 1.005, 1.255, 1.705, 0.605, 1.105, 1.305, 1.805]
    mated = [1, 1, 0, 0, 1, 1, 0, 0]
    listed = pairs([1 - d / 2 for d in distances], mated, [0] * 4 + [1] * 4)
    found = folded_accuracy(listed, squared_l2_grid())
    # Of fold 1 every threshold from 1.11 to 1.30 is right; the strictest is 1.11, which takes 1.005 and leaves 1.255.
    assert [round(2 - 2 * t, 4) for t in found.thresholds] == [1.11, 1.01]
    assert found.folds == (1.0, 0.75)


@pytest.mark.parametrize("seed", range(5))
def test_folds_equal_a_plain_loop(seed: int) -> None:
    """KFold without shuffling, every place between two scores tried, the middle of the best taken."""
    listed = drawn(seed)
    accuracies = []
    for train, test in KFold(10).split(listed.scores):
        scores, truth = listed.scores[train].astype(float), listed.mated[train]
        values = sorted(set(scores.tolist()), reverse=True)
        # Candidates from strict to loose, at each the decisions that are right.
        places = [values[0] + 1e-6, *((a + b) / 2 for a, b in pairwise(values)), values[-1] - 1e-6]
        right = [int(((scores >= place) == truth).sum()) for place in places]
        best = [place for place, count in zip(places, right, strict=True) if count == max(right)]
        limit = best[len(best) // 2]
        accuracies.append(((listed.scores[test] >= limit) == listed.mated[test]).mean())
    np.testing.assert_allclose(folded_accuracy(listed).folds, accuracies)


@pytest.mark.parametrize("seed", range(3))
def test_the_grid_equals_the_fields_loop(seed: int) -> None:
    """calculate_roc of the field's verification code, on squared distances; argmax takes the first."""
    generator = np.random.default_rng(seed)
    mated = generator.random(400) < 0.5
    distance = np.clip(generator.normal(1.6 - 0.5 * mated, 0.25), 0, 3.9) + 0.00137
    listed = pairs((1 - distance / 2).tolist(), mated.tolist(), (np.arange(400) // 40).tolist())
    accuracies = []
    thresholds = np.arange(0, 4, 0.01)
    for train, test in KFold(10, shuffle=False).split(distance):
        right = [((distance[train] < t) == mated[train]).mean() for t in thresholds]
        limit = thresholds[int(np.argmax(right))]
        accuracies.append(((distance[test] < limit) == mated[test]).mean())
    np.testing.assert_allclose(folded_accuracy(listed, squared_l2_grid()).folds, accuracies)


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=60))
def test_roc_and_area_equal_scikit_learn(drawn: list[tuple[int, bool]]) -> None:
    scores, truth = floats([s for s, _ in drawn]), np.array([t for _, t in drawn])
    if truth.all() or not truth.any():
        with pytest.raises(ManifestError, match="mated and non-mated"):
            roc(scores, truth)
        return
    curve = roc(scores, truth)
    fmr, tmr, thresholds = roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.fmr, fmr)
    np.testing.assert_allclose(curve.tmr, tmr)
    np.testing.assert_allclose(curve.thresholds[1:], thresholds[1:])
    assert area(curve) == pytest.approx(roc_auc_score(truth, scores))


def test_the_equal_error_rate_of_overlapping_normals() -> None:
    generator = np.random.default_rng(0)
    scores = np.concatenate([generator.normal(1, 1, 50000), generator.normal(-1, 1, 50000)])
    rate, limit = equal_error_rate(roc(floats(scores), np.arange(100000) < 50000))
    assert rate == pytest.approx(0.1587, abs=0.003) and limit == pytest.approx(0, abs=0.05)


def test_a_pair_without_an_embedding_is_wrong_in_its_fold() -> None:
    scores = [0.9, 0.8, 0.1, 0.2, 0.9, -np.inf, 0.1, -np.inf]
    found = folded_accuracy(pairs(scores, [1, 1, 0, 0, 1, 1, 0, 0], [0] * 4 + [1] * 4))
    assert found.folds == (1.0, 0.5) and found.right.tolist() == [True] * 5 + [False, True, False]


def test_names_of_a_list_are_found_by_path_file_or_stem() -> None:
    names = ("/set/An/1.jpg", "/set/Bo/1.jpg", "/set/Bo/Bo_0002.png")
    wanted = [
        ("An/1.jpg", "/set/Bo/1.jpg", "row 2"),
        ("Bo_0002", "Bo_0002.png", "row 3"),
        ("lost", "Bo_0002", "row 4"),
    ]
    assert place_pairs(names, ["lost"], wanted, "set").tolist() == [[0, 1], [2, 2], [-1, 2]]
    with pytest.raises(ManifestError, match="row 9: gone is not in set"):
        place_pairs(names, [], [("gone", "An/1.jpg", "row 9")], "set")
    with pytest.raises(ManifestError, match=r"row 9: several samples of set are called 1\.jpg"):
        place_pairs(names, [], [("1.jpg", "An/1.jpg", "row 9")], "set")


def test_one_fold_has_nothing_to_choose_on() -> None:
    with pytest.raises(ManifestError, match="at least two folds"):
        folded_accuracy(pairs([0.1, 0.2], [1, 0], [0, 0]))
    with pytest.raises(ManifestError, match="without fold 0 the list has no mated"):
        folded_accuracy(pairs([0.1, 0.2], [1, 0], [0, 1]))


def test_names_of_other_conventions_are_found_and_never_another_persons() -> None:
    def places(names: list[str], *wanted: str) -> list[int | str]:
        found = SamplePlaces(names, [], "set")
        return [found.find(name) for name in wanted]

    assert places(["x/s1_1.jpg", "x/s1_12.jpg"], "s1_0001", "s1_0012", "s1_1.jpg") == [0, 1, 0]
    assert places(["/orl/s1/1.pgm", "/orl/s2/1.pgm"], "s1_0001", "s2_0001", "orl/s2/1.pgm") == [0, 1, 1]
    assert places(["/lfw/An/An_0001.jpg"], "elsewhere/An_0001.jpg", "lfw\\An\\An_0001.jpg") == [0, 0]
    (other,) = places(["/set/b/1.jpg"], "/set/a/1.jpg")
    assert other == "/set/a/1.jpg is not in set; take the pair out, or add the image"
    assert "several samples" in str(places(["a/s1_1.jpg", "b/s1_01.jpg"], "s1_0001")[0])
    assert places([unicodedata.normalize("NFD", "x/Bình.jpg")], unicodedata.normalize("NFC", "x/Bình.jpg")) == [0]
