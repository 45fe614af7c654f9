"""FNMR over people and of a system, by plain loops; who weighs most."""

from dataclasses import replace

import numpy as np
import pytest

from mien.evaluate.mated_rates import fnmr_over_people, fnmr_with_failures, heaviest
from mien.evaluate.scorefile import Embedded
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.moves import at_rate
from mien.pairwise.rates_at import threshold_at
from mien.types import floats


@pytest.fixture
def uneven(make_embedded) -> tuple[Embedded, PairStatistics]:
    """30 people with 1 to 6 images, and one with 12."""
    generator = np.random.default_rng(4)
    numbers = np.repeat(np.arange(31), [*generator.integers(1, 7, 30), 12])
    centres = generator.normal(size=(31, 12))
    vectors = floats(centres[numbers] + 0.9 * generator.normal(size=(len(numbers), 12)))
    texts = tuple(f"{number}.jpg" for number in range(len(numbers)))
    found = replace(
        make_embedded(subjects=2),
        embeddings=vectors,
        subjects=tuple(f"s{number:02d}" for number in numbers),
        paths=texts,
        names=texts,
        records=(-1,) * len(numbers),
        sha256=("",) * len(numbers),
        strata={},
        scopes=(),
    )
    return found, compare_all(vectors, numbers, "cosine")


def test_the_person_with_most_images_is_named(uneven: tuple[Embedded, PairStatistics]) -> None:
    embedded, pairs = uneven
    found = heaviest(embedded, pairs)
    assert found.subject == "s30" and found.samples == 12
    assert found.share == pytest.approx(66 / len(pairs.mated))
    assert "s30 with 12" in found.sentence(20).text("en")


def test_everybody_counts_alike_in_the_mean_over_people(uneven: tuple[Embedded, PairStatistics]) -> None:
    _, pairs = uneven
    limit = threshold_at(pairs, 1e-2)
    shares: dict[int, list[bool]] = {}
    for (a, _), score in zip(pairs.mated_samples, pairs.mated, strict=True):
        shares.setdefault(int(pairs.subjects[a]), []).append(bool(score < pairs.similarity(limit)))
    found = fnmr_over_people(pairs, limit)
    assert found.value == pytest.approx(np.mean([np.mean(each) for each in shares.values()]))
    assert found.count == len(shares) and found.low < found.value < found.high


def test_an_image_without_an_embedding_is_missed_in_all_its_comparisons(
    uneven: tuple[Embedded, PairStatistics],
) -> None:
    embedded, pairs = uneven
    samples = np.bincount(pairs.subjects)
    failed = ("s00", "s30", "s30", "new", "new", "new", "once", "")
    limit = pairs.similarity(threshold_at(pairs, 1e-2))
    lost = int(samples[0]) + 2 * 12 + 1 + 3
    wrong = int((pairs.mated < limit).sum()) + lost
    found = fnmr_with_failures(pairs, 1e-2, replace(embedded, failed_subjects=failed), 20)
    assert found.value == pytest.approx(wrong / (len(pairs.mated) + lost))
    assert found.low < found.value < found.high


def test_without_failures_it_is_the_plain_rate(uneven: tuple[Embedded, PairStatistics]) -> None:
    embedded, pairs = uneven
    system, plain = fnmr_with_failures(pairs, 1e-2, embedded, 20), at_rate(pairs, 1e-2).fnmr
    assert (system.value, system.low, system.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_failures_beyond_the_cap_do_not_count(uneven: tuple[Embedded, PairStatistics]) -> None:
    embedded, pairs = uneven
    many = replace(embedded, failed_subjects=("s30",) * 500)
    lost = 8 * 12 + 28
    found = fnmr_with_failures(pairs, 1e-2, many, 20)
    assert found.count == len(pairs.mated) + lost
