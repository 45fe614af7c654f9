"""A gallery's own people as a sample: who takes part, what is left out, and whether the rates hold for others."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pytest

from mien.gallery import population as module
from mien.gallery.population import measure_population, people_needed, suspected
from mien.gallery.profiles import new_id
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.stores import create_store
from mien.gallery.stores.base import Store
from mien.pairwise.all_pairs import compare_all

Crowd = Callable[..., list[NewTemplate]]


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, memory_store: type, identity: Identity) -> Store:
    assert memory_store.__name__ == "MemoryStore"
    address = {"sqlite": str(tmp_path / "people.gallery"), "memory": "memory://people"}[request.param]
    return create_store(address, identity)


def test_rates_are_those_of_plain_loops_over_the_first_templates(store: Store, crowd: Crowd) -> None:
    templates = crowd(60, images=3)
    store.add(templates)
    found = measure_population(store)
    first = {one.subject: one.embedding for one in reversed(templates)}
    assert (found.people, found.enrolled, found.pairs.nonmated) == (60, 60, comb(60, 2))
    apart = [float(np.linalg.norm(a - b)) for a, b in combinations(first.values(), 2)]
    for fmr in (0.1, 0.02):
        threshold = found.threshold(fmr)
        assert sum(distance <= threshold for distance in apart) == int(fmr * len(apart))
        assert found.fmr(threshold).value == pytest.approx(int(fmr * len(apart)) / len(apart))
    own = [
        float(np.linalg.norm(a.embedding - b.embedding))
        for a, b in combinations(templates, 2)
        if a.subject == b.subject
    ]
    middle = float(np.median(own))
    fnmr = found.fnmr(middle)
    assert fnmr is not None and fnmr.count == len(own) == 180
    assert fnmr.value == pytest.approx(np.mean(np.array(own) > middle), abs=0.01)


def test_with_one_image_each_there_is_no_false_non_match_rate(store: Store, crowd: Crowd) -> None:
    store.add(crowd(20))
    assert measure_population(store).fnmr(1.0) is None


@pytest.mark.parametrize("people", [0, 1, 2])
def test_next_to_nobody_shows_nothing(store: Store, crowd: Crowd, people: int) -> None:
    store.add(crowd(people))
    found = measure_population(store)
    assert (found.people, found.pairs.nonmated, found.duplicates) == (people, comb(people, 2), ())
    assert not found.can_show(0.5) and found.missing(1e-2) == people_needed(1e-2) - people


def test_people_needed_have_ten_false_matches_in_expectation() -> None:
    for fmr in (1e-2, 1e-3, 1e-4):
        needed = people_needed(fmr)
        assert comb(needed, 2) * fmr >= 10 > comb(needed - 1, 2) * fmr
    assert people_needed(1e-3) == 142


def test_one_person_under_two_names_is_found_and_left_out(store: Store, crowd: Crowd) -> None:
    templates = crowd(300)
    doubles = [
        replace(
            templates[place],
            id=new_id(),
            subject=f"double {place}",
            embedding=templates[place].embedding + np.float32(0.02),
        )
        for place in (3, 50)
    ]
    store.add([*templates, *doubles])
    found = measure_population(store)
    assert {frozenset((one.a, one.b)) for one in found.duplicates} == {
        frozenset((templates[place].subject, f"double {place}")) for place in (3, 50)
    }
    assert found.pairs.nonmated == comb(302, 2) - 2
    assert found.duplicates[0].score == pytest.approx(0.02 * 4, abs=1e-3)
    alone = create_store(f"{store.address}2", store.identity)
    alone.add(templates)
    assert found.threshold(1e-3) == pytest.approx(measure_population(alone).threshold(1e-3), rel=0.02)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("seed", range(5))
def test_different_people_are_seldom_suspected(metric: str, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(400, 64)).astype(np.float32)
    assert suspected(compare_all(vectors, np.arange(400), metric)) == 0  # type: ignore[arg-type]
    few = compare_all(vectors[:40], np.arange(40), metric)  # type: ignore[arg-type]
    assert suspected(few) == 0


def test_a_large_gallery_is_sampled(store: Store, crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add(crowd(90))
    monkeypatch.setattr(module, "SAMPLED", 30)
    found = measure_population(store)
    assert (found.people, found.enrolled, len(set(found.names))) == (30, 90, 30)
    assert found.names == measure_population(store).names, "the same people each time"


@pytest.mark.parametrize("seed", range(4))
def test_the_threshold_holds_for_others_like_them_within_its_interval(
    tmp_path: Path, identity: Identity, crowd: Crowd, seed: int
) -> None:
    rates = []
    for part, number in (("own", 2 * seed), ("others", 2 * seed + 1)):
        opened = create_store(tmp_path / f"{part}.gallery", identity)
        opened.add(crowd(400, seed=number))
        rates.append(measure_population(opened))
    own, others = rates
    threshold = own.threshold(1e-3)
    here, there = own.fmr(threshold), others.fmr(threshold)
    assert here.low < 1e-3 < here.high and here.low < there.high and there.low < here.high


def test_those_whom_most_others_pass_for_come_first(store: Store, crowd: Crowd) -> None:
    templates = crowd(80)
    middle = np.mean([one.embedding for one in templates], axis=0).astype(np.float32)
    store.add([*templates, replace(templates[0], id=new_id(), subject="everybody", embedding=middle)])
    found = measure_population(store)
    threshold = found.threshold(0.02)
    (name, share), *others = found.most_confused(threshold, 3)
    apart = [float(np.linalg.norm(middle - one.embedding)) for one in templates]
    assert name == "everybody" and share == pytest.approx(sum(one <= threshold for one in apart) / 80)
    assert all(share >= other for _, other in others) and len(others) <= 2


def test_the_tail_answers_for_rates_that_cannot_be_counted(store: Store, crowd: Crowd) -> None:
    store.add(crowd(200))
    found = measure_population(store)
    assert found.extrapolated(1e-2) == pytest.approx(found.threshold(1e-2), rel=0.05)
    limits = [found.extrapolated(fmr) for fmr in (1e-3, 1e-4, 1e-6)]
    assert all(limit is not None for limit in limits) and limits == sorted(limits, reverse=True)  # type: ignore[type-var]
    few = create_store(f"{store.address}2", store.identity)
    few.add(crowd(45))
    assert measure_population(few).extrapolated(1e-3) is None
