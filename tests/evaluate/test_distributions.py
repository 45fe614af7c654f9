"""The separation of the two distributions, by its formula."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.evaluate.distributions import decidability, list_separation, moments, separation
from mien.evaluate.pair_lists import ScoredPairs
from mien.pairwise.all_pairs import compare_all
from mien.types import Floats, floats

World = Callable[..., tuple[Floats, np.ndarray, list[str]]]
Plain = Callable[..., dict[tuple[int, int], tuple[float, bool]]]


def test_d_prime_by_its_formula(metric: str, world: World, plain: Plain) -> None:
    embeddings, numbers, _ = world(8)
    pairs = plain(embeddings, numbers, metric).values()
    found = compare_all(embeddings, numbers, metric)
    mated = np.array([s for s, same in pairs if same])
    other = np.array([s for s, same in pairs if not same])
    formula = abs(mated.mean() - other.mean()) / np.sqrt((mated.var() + other.var()) / 2)
    assert decidability(found.mated, *moments(found)) == pytest.approx(formula, rel=0.01)


def set_of(subjects: int, generator: np.random.Generator) -> tuple[Floats, np.ndarray]:
    numbers = np.repeat(np.arange(subjects), 3)
    centres = generator.normal(size=(subjects, 16))
    return floats(centres[numbers] + 0.7 * generator.normal(size=(len(numbers), 16))), numbers


def test_the_interval_of_d_prime_is_that_of_sets_that_lack_a_person_each() -> None:
    embeddings, numbers = set_of(40, np.random.default_rng(4))
    found = separation(compare_all(embeddings, numbers, "cosine"))
    left_out = []
    for subject in range(40):
        kept = numbers != subject
        left_out.append(separation(compare_all(embeddings[kept], numbers[kept], "cosine")).value)
    deviation = np.sqrt(39 / 40 * ((np.array(left_out) - np.mean(left_out)) ** 2).sum())
    assert (found.high - found.low) / 2 == pytest.approx(2.05 * deviation, rel=0.2)
    assert found.low < found.value < found.high


def test_d_prime_of_few_people_has_no_interval() -> None:
    assert separation(compare_all(*set_of(12, np.random.default_rng(5)), "cosine")).missing == 18


def test_d_prime_of_a_list_leaves_out_pairs_without_a_score() -> None:
    generator = np.random.default_rng(6)
    scores = floats(np.concatenate([generator.normal(3, 1, 300), generator.normal(0, 1, 300), [-np.inf]]))
    mated = np.repeat([True, False, True], [300, 300, 1])
    subjects = np.arange(1202).reshape(601, 2)
    found = list_separation(ScoredPairs(scores, mated, np.zeros(601, np.int64), subjects))
    one, other = scores[:300].astype(float), scores[300:600].astype(float)
    formula = (one.mean() - other.mean()) / np.sqrt((one.var() + other.var()) / 2)
    assert found.value == pytest.approx(formula, rel=1e-4)
    # The standard error of d' for equal variances: sqrt(2 / n + d^2 / (4 n)).
    assert (found.high - found.low) / 2 == pytest.approx(1.97 * np.sqrt(2 / 300 + 9 / 1200), rel=0.1)
