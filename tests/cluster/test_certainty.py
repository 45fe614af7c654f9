"""Certainties: re-derived with plain loops, and what chance explains of groups of two."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.cluster.certainty import AT_LIMIT, certainties, certainties_of_pairs, fits, group_means
from mien.cluster.linkage import linkage_vectors
from mien.cluster.strictness import Strictness
from mien.types import floats


def test_fits_are_means_over_the_other_faces(crowd: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.cluster.certainty.BLOCK", 4)
    people = crowd([5, 3, 2, 1], spread=0.2)
    groups = [np.flatnonzero(people.owner == person) for person in range(3)]
    owner = np.where(people.owner < 3, people.owner, -1)
    found = fits(
        linkage_vectors(people.embeddings, "l2"), owner, group_means(linkage_vectors(people.embeddings, "l2"), groups)
    )
    for face in range(len(owner)):
        squared = -((people.embeddings[face].astype(float) - people.embeddings.astype(float)) ** 2).sum(axis=1)
        means = [squared[group].mean() for group in groups]
        if owner[face] >= 0:
            others = groups[owner[face]]
            assert found.own[face] == pytest.approx(squared[others[others != face]].mean(), abs=1e-4)
            means[owner[face]] = -np.inf
        else:
            assert np.isnan(found.own[face])
        assert found.nearest[face] == int(np.argmax(means)) and found.other[face] == pytest.approx(
            max(means), abs=1e-4
        )


def test_without_groups_there_is_nothing_to_fit(crowd: Callable) -> None:
    vectors = linkage_vectors(crowd([3]).embeddings, "l2")
    found = fits(vectors, np.full(3, -1), group_means(vectors, []))
    assert np.isnan(found.own).all() and np.isnan(found.other).all() and (found.nearest == -1).all()


def test_a_face_at_the_limit_is_the_least_sure_and_each_hundredth_of_the_rate_counts_tenfold(
    strict: Strictness,
) -> None:
    from mien.cluster.certainty import Fits

    limits = [strict.curve.threshold(strict.join_fmr / step) for step in (1, 100, 10_000)]
    own = floats([-(value**2) for value in limits])
    alone = Fits(own, np.full(3, np.nan, np.float32), np.full(3, -1))
    sure = certainties(alone, strict, "l2")
    assert 1 - sure == pytest.approx([AT_LIMIT, AT_LIMIT / 10, AT_LIMIT / 100], rel=0.02)
    as_near = Fits(own, own, np.zeros(3, np.int64))
    assert 1 - certainties(as_near, strict, "l2") == pytest.approx([AT_LIMIT] * 3, rel=0.02)
    nobody = Fits(np.full(1, np.nan, np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64))
    assert np.isnan(certainties(nobody, strict, "l2")).all()


def test_pairs_that_chance_explains_are_not_sure(strict: Strictness) -> None:
    scores = floats([strict.curve.threshold(rate) for rate in (1e-9, 1e-7, 1e-6, 1e-5)])
    # 2,001 faces alone are about two million pairs: 0.002, 0.2, 2 and 20 of them are as alike by chance, so from one
    # score to the next 0.002, 0.198, 1.8 and 18 are expected, and one is found each time.
    sure = certainties_of_pairs(scores, 2001, strict)
    assert sure == pytest.approx([0.998, 0.802, 0.0, 0.0], abs=0.01)
    assert certainties_of_pairs(scores[::-1].copy(), 2001, strict) == pytest.approx(sure[::-1])
    assert (certainties_of_pairs(scores, 3, strict) > 0.99).all(), "among few faces chance explains nothing"


def test_more_groups_than_chance_gives_are_surer(strict: Strictness) -> None:
    one, many = (
        certainties_of_pairs(floats([strict.curve.threshold(2.5e-7)] * count), 2001, strict) for count in (1, 10)
    )
    assert one[0] == pytest.approx(0.5, abs=0.02) and many == pytest.approx([0.95] * 10, abs=0.01)


def test_strangers_in_pairs_are_given_up_and_true_pairs_kept() -> None:
    """Thousands of people with one photograph, and some with two: what is said agrees with what is true."""
    generator = np.random.default_rng(5)
    from mien.gallery.rate_curve import RateCurve

    curve = RateCurve((2.0, 4.0), (1.0, 0.6))
    strict = Strictness(found_fmr=1e-5, found=0.5, join_fmr=1e-4, join=0.6, curve=curve)
    singles, true_pairs = 3000, 40
    expected = 1e-5 * singles * (singles - 1) / 2
    by_chance = generator.poisson(expected)
    rates = np.concatenate([generator.uniform(0, 1e-5, by_chance), 10.0 ** generator.uniform(-12, -6, true_pairs)])
    scores = floats([curve.threshold(float(rate)) for rate in rates])
    truth = np.arange(len(rates)) >= by_chance
    sure = certainties_of_pairs(scores, singles, strict)
    kept = sure >= 0.5
    assert truth[kept].mean() > 0.7 and truth[kept].sum() >= 0.9 * true_pairs
