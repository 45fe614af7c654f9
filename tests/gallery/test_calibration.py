"""What a gallery's people say of a rate is measured once for each state of the gallery, and kept as numbers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery import calibration
from mien.gallery.calibration import own_rates
from mien.gallery.names import find_subject
from mien.gallery.population import Population, measure_population
from mien.gallery.profiles import Profile
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.stores import create_store, open_store
from mien.gallery.stores.base import Store
from mien.gallery.stores.sqlite import SqliteStore

Crowd = Callable[..., list[NewTemplate]]


@pytest.fixture
def store(tmp_path: Path, identity: Identity, crowd: Crowd) -> Store:
    opened = create_store(tmp_path / "people.gallery", identity)
    opened.add(crowd(150))
    return opened


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """The stores that are measured."""
    seen: list[Store] = []

    def count(store: Store) -> Population:
        seen.append(store)
        return measure_population(store)

    monkeypatch.setattr(calibration, "measure_population", count)
    return seen


def test_it_is_measured_once_for_each_state_and_question(store: Store, measured: list[Store], crowd: Crowd) -> None:
    first = own_rates(store, 1e-3, 2.0)
    assert own_rates(open_store(store.address), 1e-3, 2.0) == first and len(measured) == 1
    other = own_rates(store, 1e-2, 2.0)
    assert other.value != first.value and own_rates(store, 1e-3, 2.0) == first and len(measured) == 2
    store.add(crowd(1, seed=9))
    assert own_rates(store, 1e-3, 2.0).people == 151 and len(measured) == 3
    store.remove(find_subject(store, "s9-0000").id)
    again = own_rates(store, 1e-3, 2.0)
    assert again == first and len(measured) == 4


def test_enough_people_give_a_threshold_with_the_rate_that_it_has(store: Store) -> None:
    found, population = own_rates(store, 1e-3, 1.5), measure_population(store)
    assert (found.people, found.missing, found.shown) == (150, 0, 1e-3)
    assert found.value == population.threshold(1e-3) and found.fmr == population.fmr(found.value)
    assert found.at_card == population.fmr(1.5)


def test_too_few_for_a_rate_give_the_lowest_that_they_show_and_say_how_many_are_missing(store: Store) -> None:
    found = own_rates(store, 1e-4, None)
    assert found.missing == 448 - 150 and found.at_card is None and not found.card_fails
    assert found.shown == pytest.approx(10 / found.pairs) and found.fmr is not None
    assert found.fmr.value == pytest.approx(found.shown)


def test_next_to_nobody_gives_none(tmp_path: Path, identity: Identity, crowd: Crowd) -> None:
    opened = create_store(tmp_path / "few.gallery", identity)
    assert own_rates(opened, 1e-4, 1.0).at_card is None
    opened.add(crowd(20))
    found = own_rates(opened, 1e-4, 1e-3)
    assert (found.shown, found.value, found.fmr) == (None, None, None) and not found.card_fails


def test_the_card_fails_where_its_rate_is_below_the_interval(store: Store) -> None:
    loose = measure_population(store).threshold(0.2)
    assert own_rates(store, 1e-3, loose).card_fails
    assert not own_rates(store, 0.2, loose).card_fails
    assert not own_rates(store, 0.5, loose).card_fails, "stricter than it promises is not a failure"


def test_nothing_that_names_a_person_is_kept(store: Store, crowd: Crowd) -> None:
    twin = crowd(150)[0]
    store.add([replace(twin, subject="Twin", source_sha256="other", embedding=twin.embedding + np.float32(1e-3))])
    assert own_rates(store, 1e-3, 1.0).duplicates == 1
    text = store.read_kept("calibration")
    assert text is not None and "Twin" not in text and twin.subject not in text


def test_a_gallery_that_cannot_be_written_is_measured_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: SqliteStore, name: str, text: str | None) -> None:
        raise GalleryError("read only")

    monkeypatch.setattr(SqliteStore, "write_kept", refuse)
    assert own_rates(store, 1e-3, None).value is not None


@pytest.mark.parametrize("change", ["merge", "rename", "remove_sample"])
def test_what_the_people_say_after_a_change_is_what_a_gallery_made_so_says(
    tmp_path: Path, identity: Identity, crowd: Crowd, change: str
) -> None:
    templates = crowd(150, images=2)
    store = create_store(tmp_path / "changed.gallery", identity)
    store.add(templates)
    before = own_rates(store, 1e-3, 2.0)
    if change == "merge":
        store.merge(find_subject(store, "s0-0001").id, find_subject(store, "s0-0007").id)
        expected = [replace(one, subject={"s0-0001": "s0-0007"}.get(one.subject, one.subject)) for one in templates]
    elif change == "rename":
        store.change_subject(find_subject(store, "s0-0001").id, lambda _: Profile("s0-0001b"))
        expected = [replace(one, subject={"s0-0001": "s0-0001b"}.get(one.subject, one.subject)) for one in templates]
    else:
        store.remove_sample(store.samples(find_subject(store, "s0-0001").id)[0].id)
        expected = [one for one in templates if one.source_sha256 != "sha-0-1-0"]
    made = create_store(tmp_path / "made.gallery", identity)
    made.add(expected)
    after = own_rates(store, 1e-3, 2.0)
    assert after == own_rates(made, 1e-3, 2.0)
    assert (after == before) is (change == "rename"), "names alone change nothing"
    population = measure_population(store)
    vectors = np.stack([made.subject_embeddings(find_subject(made, name).id)[0] for name in population.names])
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)[np.triu_indices(len(vectors), 1)]
    assert after.people == len(vectors) and after.pairs + after.duplicates == len(distances)
    assert after.at_card is not None and after.at_card.value == pytest.approx((distances <= 2.0).mean())
