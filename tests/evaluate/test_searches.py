"""Open-set searches against plain loops, and comparisons of two models."""

import numpy as np
import pytest

from mien.errors import ManifestError
from mien.evaluate.differences import compare
from mien.evaluate.searches import deal, search
from mien.pairwise.all_pairs import compare_all
from mien.types import floats


def world(seed: int, subjects: int = 80) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(subjects), generator.integers(1, 6, subjects))
    centres = generator.normal(size=(subjects, 8))
    return floats(centres[numbers] + generator.normal(0, 0.7, (len(numbers), 8))), numbers


@pytest.mark.parametrize("templates", [1, 2])
def test_nobody_is_on_both_sides(templates: int) -> None:
    _, numbers = world(1)
    chosen = deal(numbers, templates=templates, probes=3, seed=4)
    assert not set(chosen.gallery) & set(chosen.probes)
    enrolled = set(numbers[chosen.gallery])
    assert enrolled == set(chosen.known)
    assert (np.bincount(numbers[chosen.gallery])[list(enrolled)] == templates).all()
    assert np.bincount(numbers[chosen.probes]).max() <= 3
    strangers = set(numbers) - enrolled
    assert strangers <= set(numbers[chosen.probes]), "everybody who is not enrolled searches"
    assert len(enrolled) == (np.bincount(numbers) > templates).sum() * 3 // 4


def test_the_seed_chooses_who_is_enrolled() -> None:
    _, numbers = world(1)
    one, again, other = (set(deal(numbers, seed=seed).known.tolist()) for seed in (4, 4, 5))
    assert one == again and one != other


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("templates", [1, 2])
def test_searches_equal_plain_loops(metric: str, templates: int) -> None:
    embeddings, numbers = world(2, subjects=160)
    chosen = deal(numbers, templates=templates, seed=1)
    extra = floats(np.random.default_rng(9).normal(size=(30, 8)))
    size = len(chosen.known) + 20
    (result,) = search(embeddings, numbers, metric, chosen, [size], extra)
    gallery = [(int(numbers[i]), embeddings[i]) for i in chosen.gallery]
    gallery += [(-1 - k, row) for k, row in enumerate(extra[:20])]

    def similar(a: np.ndarray, b: np.ndarray) -> float:
        if metric == "cosine":
            return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        return -float(np.linalg.norm(a - b))

    best_of_strangers, searches = [], []
    for probe in chosen.probes:
        scores: dict[int, float] = {}
        for who, row in gallery:
            scores[who] = max(scores.get(who, -np.inf), similar(embeddings[probe], row))
        ranked = sorted(scores.items(), key=lambda item: -item[1])
        if int(numbers[probe]) in scores:
            place = [who for who, _ in ranked].index(int(numbers[probe]))
            searches.append((place, scores[int(numbers[probe])]))
        else:
            best_of_strangers.append(ranked[0][1])
    assert result.enrolled == size and result.templates == len(gallery)
    assert (result.mated_searches, result.nonmated_searches) == (len(searches), len(best_of_strangers))
    for rank, rate in result.hits:
        assert rate.value == pytest.approx(np.mean([place < rank for place, _ in searches]))
    assert [point.wanted for point in result.points] == [0.1]
    for point in result.points:
        limit = point.threshold if metric == "cosine" else -point.threshold
        assert point.fpir.value == pytest.approx(np.mean([score >= limit for score in best_of_strangers]))
        assert point.fpir.value <= point.wanted
        missed = [not (place == 0 and score >= limit) for place, score in searches]
        assert point.fnir.value == pytest.approx(np.mean(missed))


def test_larger_galleries_make_more_errors() -> None:
    embeddings, numbers = world(3, subjects=400)
    chosen = deal(numbers)
    small, large = search(embeddings, numbers, "cosine", chosen, [20, len(chosen.known)])
    assert small.enrolled == 20 and small.points[0].threshold < large.points[0].threshold
    assert small.hits[0][1].value > large.hits[0][1].value
    assert small.nonmated_searches > large.nonmated_searches, "a known person who is not enrolled is a stranger"


def test_sets_with_nobody_to_enrol_are_refused() -> None:
    with pytest.raises(ManifestError, match="of 5 subjects 0 have so many"):
        deal(np.arange(5))


def test_two_models_on_one_set() -> None:
    embeddings, numbers = world(5, subjects=120)
    noisy = floats(embeddings + np.random.default_rng(2).normal(0, 0.8, embeddings.shape))
    points = compare(compare_all(embeddings, numbers, "cosine"), compare_all(noisy, numbers, "l2"))
    assert len(points) >= 2
    for point in points:
        assert point.difference.value == pytest.approx(point.fnmr[1].value - point.fnmr[0].value)
    assert points[0].difference.low > 0
    with pytest.raises(ManifestError, match="not of the same samples"):
        compare(compare_all(embeddings, numbers, "cosine"), compare_all(noisy[:-1], numbers[:-1], "cosine"))
