"""A gallery's own thresholds: they go before the card's, and only for the model that they were measured with."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import CardError, ContractError
from mien.gallery.identity import identity_of
from mien.gallery.population import measure_population
from mien.gallery.records import Identity, NewTemplate, Portrait
from mien.gallery.stores import create_store
from mien.gallery.stores.base import Store
from mien.gallery.thresholds import (
    choose_threshold,
    for_worst_group,
    keep_thresholds,
    threshold_for,
    threshold_without_gallery,
)
from mien.models import store as models
from mien.models.card import ModelCard, ThresholdRow
from mien.models.defaults import shipped_card

OWN = ThresholdRow(value=0.123, unit="L2", fmr=1e-3, protocol="our people")


@pytest.fixture(scope="module")
def card() -> ModelCard:
    """A card that knows no groups."""
    own = models.load("dlib-resnet").card
    rows = tuple(row.model_copy(update={"strata": None}) for row in own.thresholds)
    return own.model_copy(update={"thresholds": rows, "group_thresholds": ()})


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, memory_store: type, card: ModelCard) -> Store:
    assert memory_store.__name__ == "MemoryStore"
    address = {"sqlite": str(tmp_path / "people.gallery"), "memory": "memory://people"}[request.param]
    return create_store(address, identity_of(card))


def test_the_gallerys_own_threshold_goes_before_the_cards(store: Store, card: ModelCard) -> None:
    before = threshold_for(store, card, 1e-3)
    assert before == card.threshold(1e-3) and before.value != OWN.value
    keep_thresholds(store, card.contract, [OWN])
    own = threshold_for(store, card, 1e-3)
    assert (own.value, own.unit, own.contract, own.protocol) == (0.123, "L2", card.contract, "our people")
    assert threshold_for(store, card, 1e-4) == card.threshold(1e-4), "the card's, where the gallery has none"


def test_a_gallery_does_not_use_another_models_thresholds(store: Store, card: ModelCard) -> None:
    """After the gallery was embedded again with another model, its own thresholds mean nothing."""
    keep_thresholds(store, card.contract, [OWN])
    other = card.model_copy(update={"input": card.input.model_copy(update={"colour": "BGR"})})
    assert other.contract != card.contract
    store.replace_embeddings(Identity(other.contract, "other", "l2", 128), {})
    assert threshold_for(store, other, 1e-3) == other.threshold(1e-3)
    assert threshold_for(store, other, 1e-3).value != OWN.value
    with pytest.raises(CardError):
        threshold_for(store, other.model_copy(update={"thresholds": ()}), 1e-3)


def test_thresholds_of_another_model_are_not_kept(store: Store, card: ModelCard) -> None:
    with pytest.raises(ContractError, match="these thresholds were measured with contract other"):
        keep_thresholds(store, "other", [OWN])
    assert store.read_kept("thresholds") is None and np.isfinite(threshold_for(store, card, 1e-3).value)


STRATA = {
    1e-2: {
        "asian | asian": (0.42, 0.35, 0.5),
        "asian | other": (0.02, 0.01, 0.03),
        "other | other": (8e-3, 6e-3, 1e-2),
    },
    1e-3: {"asian | asian": (0.14, 0.1, 0.18), "other | other": (8e-4, 6e-4, 1e-3)},
    1e-4: {"asian | asian": (0.025, 0.015, 0.04), "other | other": (8e-5, 6e-5, 1e-4)},
}


@pytest.fixture
def grouped(card: ModelCard) -> ModelCard:
    """A card that knows a group for which its thresholds do not hold."""
    rows = tuple(row.model_copy(update={"strata": STRATA[row.fmr]}) for row in card.thresholds)
    return card.model_copy(update={"thresholds": rows, "group_thresholds": ()})


def people(card: ModelCard, count: int, spread: float, seed: int = 0) -> list[NewTemplate]:
    """People of one image each, at random places."""
    assert card.embedding is not None
    places = np.random.default_rng(seed).normal(0, spread, (count, card.embedding.size)).astype(np.float32)
    return [
        NewTemplate(f"s{n:03d}", f"sha-{n}", place, Portrait(b"x", np.zeros((5, 2), np.float32)))
        for n, place in enumerate(places)
    ]


def test_enough_people_choose_the_threshold_and_say_where_the_cards_does_not_hold(
    store: Store, card: ModelCard
) -> None:
    """All of them are closer together than the card's threshold."""
    store.add(people(card, 150, 0.03))
    chosen = choose_threshold(store, card, 1e-3)
    own = measure_population(store)
    assert chosen.threshold.value == own.threshold(1e-3) < card.threshold(1e-3).value
    assert (chosen.threshold.fmr, chosen.threshold.contract, chosen.threshold.unit) == (1e-3, card.contract, "L2")
    assert chosen.threshold.fmr_interval is not None and chosen.threshold.fmr_interval[0] < 1e-3
    assert "11175 pairs of 150 people" in chosen.threshold.protocol
    (note,) = chosen.notes
    assert re.fullmatch(
        r"the card's threshold for 0\.1% lets 95\.\d% \(92\.\d% to 97\.\d%\) of this gallery's own people pass "
        rf"for one another; the gallery's is {chosen.threshold.value:.3f}",
        note.text("en"),
    )
    assert note.text("vi").startswith("ngưỡng của thẻ mô hình cho 0,1%")


def test_nothing_is_said_where_the_cards_rate_holds(store: Store, card: ModelCard) -> None:
    store.add(people(card, 150, 0.2))
    chosen = choose_threshold(store, card, 1e-3)
    assert chosen.notes == () and chosen.threshold.value != card.threshold(1e-3).value
    assert chosen.own is not None and chosen.own.at_card is not None and chosen.own.at_card.value == 0


def test_a_rate_that_the_card_does_not_have_is_the_gallerys_to_give(store: Store, card: ModelCard) -> None:
    store.add(people(card, 150, 0.2))
    without = card.model_copy(update={"thresholds": ()})
    assert threshold_for(store, without, 5e-3).fmr == 5e-3
    assert threshold_for(store, card, 5e-3).value == measure_population(store).threshold(5e-3)


def test_too_few_people_say_how_many_are_missing_and_take_the_worst_group_of_the_card(
    store: Store, grouped: ModelCard
) -> None:
    store.add(people(grouped, 30, 0.2))
    chosen = choose_threshold(store, grouped, 1e-3)
    assert chosen.threshold.value == grouped.threshold(1e-4).value, "the strictest: none keeps 0.1% there"
    assert chosen.threshold.fmr == 0.025 and chosen.threshold.fmr_interval == (0.015, 0.04)
    assert "within the group asian" in chosen.threshold.protocol
    assert [note.text("en") for note in chosen.notes] == [
        "this gallery has 30 people; it takes 112 more until they give a threshold of their own for 0.1%",
        "until then 0.458 of the card decides: it lets 2.5% of the pairs of different people pass within the worst "
        "group that the card knows (asian)",
    ]


def test_the_worst_groups_own_threshold_is_taken_where_the_card_has_one(store: Store, grouped: ModelCard) -> None:
    row = ThresholdRow(value=0.41, unit="L2", fmr=1e-3, protocol="a group", group="asian")
    chosen = choose_threshold(store, grouped.model_copy(update={"group_thresholds": (row,)}), 1e-3)
    assert (chosen.threshold.value, chosen.threshold.fmr) == (0.41, 1e-3)
    assert "0.410" in chosen.notes[1].text("en")


def test_the_group_of_the_settings_goes_before_the_worst_one(
    store: Store, grouped: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tuple(
        ThresholdRow(value=value, unit="L2", fmr=1e-3, protocol="a group", group=group)
        for group, value in (("asian", 0.41), ("other", 0.53))
    )
    card = grouped.model_copy(update={"group_thresholds": rows})
    store.add(people(card, 30, 0.2))
    assert choose_threshold(store, card, 1e-3).threshold.value == 0.41
    monkeypatch.setenv("MIEN_GROUP", "other")
    chosen = choose_threshold(store, card, 1e-3)
    assert (chosen.threshold.value, chosen.threshold.fmr, chosen.threshold.protocol) == (0.53, 1e-3, "a group")
    assert chosen.notes[1].text("en") == "until then 0.530 of the card decides, the group's own for 0.1% (other)"
    monkeypatch.setenv("MIEN_GROUP", "dutch")
    with pytest.raises(CardError, match="no threshold for the group 'dutch'; groups on its card: asian, other"):
        choose_threshold(store, card, 1e-3)


def test_a_group_without_the_rate_of_a_search_takes_the_nearest_one_that_it_has(
    store: Store, grouped: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mien config set group asian`, as the tutorial says, made every `mien identify` of a small gallery fail."""
    rows = tuple(
        ThresholdRow(value=value, unit="L2", fmr=fmr, protocol="a group", group="asian")
        for fmr, value in ((1e-2, 0.5), (1e-3, 0.387))
    )
    card = grouped.model_copy(update={"group_thresholds": rows})
    store.add(people(card, 30, 0.2))
    monkeypatch.setenv("MIEN_GROUP", "asian")
    for wanted in (1e-4, 1e-3):
        chosen = choose_threshold(store, card, wanted)
        assert (chosen.threshold.value, chosen.threshold.fmr) == (0.387, 1e-3)
    assert chosen.notes[1].text("en") == "until then 0.387 of the card decides, the group's own for 0.1% (asian)"


def test_people_who_are_enough_go_before_the_group_of_the_settings(
    store: Store, grouped: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_GROUP", "other")
    store.add(people(grouped, 150, 0.2))
    assert choose_threshold(store, grouped, 1e-3).threshold.value == measure_population(store).threshold(1e-3)


def test_people_who_refute_the_threshold_of_the_group_before_they_are_enough_are_believed(
    store: Store, grouped: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ThresholdRow(value=0.53, unit="L2", fmr=1e-4, protocol="a group", group="other")
    monkeypatch.setenv("MIEN_GROUP", "other")
    store.add(people(grouped, 60, 0.03))
    chosen = choose_threshold(store, grouped.model_copy(update={"group_thresholds": (row,)}), 1e-4)
    assert chosen.threshold.value == measure_population(store).threshold(10 / 1770) < 0.53


def test_a_stricter_threshold_that_keeps_the_rate_in_the_worst_group_is_taken(
    store: Store, grouped: ModelCard
) -> None:
    """The loosest that does."""
    chosen, note = for_worst_group(grouped, replace(grouped.threshold(1e-2), fmr=0.03))
    assert note is not None and chosen.value == grouped.threshold(1e-4).value and chosen.fmr == 0.025
    nearest = ThresholdRow(value=0.3, unit="L2", fmr=1e-3, protocol="a group", group="asian")
    card = grouped.model_copy(update={"group_thresholds": (nearest,)})
    assert for_worst_group(card, card.threshold(1e-4))[0].value == 0.3, "nearer to 0.01% there than everybody's"
    assert for_worst_group(card, replace(card.threshold(1e-2), fmr=0.03))[0].fmr == 0.025
    same, nothing = for_worst_group(grouped, replace(grouped.threshold(1e-2), fmr=0.5))
    assert nothing is None and same.value == grouped.threshold(1e-2).value


def test_people_who_refute_the_card_before_they_are_enough_are_believed(store: Store, grouped: ModelCard) -> None:
    store.add(people(grouped, 60, 0.03))
    chosen = choose_threshold(store, grouped, 1e-4)
    population = measure_population(store)
    lowest = 10 / population.pairs.nonmated
    assert chosen.threshold.value == population.threshold(lowest) < grouped.threshold(1e-4).value
    assert chosen.threshold.fmr == pytest.approx(lowest), "the rate that is printed is the one that was measured"
    assert [note.code for note in chosen.notes] == ["gallery.missing", "gallery.card-fails"]


def test_thresholds_that_were_kept_go_before_the_gallerys_people(store: Store, card: ModelCard) -> None:
    store.add(people(card, 150, 0.03))
    keep_thresholds(store, card.contract, [OWN])
    assert choose_threshold(store, card, 1e-3).threshold.value == OWN.value
    assert choose_threshold(store, card, 1e-3).notes == ()


def card_with_groups() -> ModelCard:
    """A card whose threshold for 0.1% lets 14% of a group pass, and that has a threshold of the group."""
    strata = {"asian | asian": (0.14, 0.11, 0.18), "others | others": (0.0009, 0.0005, 0.0015)}
    row = ThresholdRow(value=0.6, unit="L2", fmr=1e-3, protocol="all", strata=strata)
    own = row.model_copy(update={"value": 0.4, "strata": None, "group": "asian"})
    return shipped_card("dlib-resnet").model_copy(
        update={"thresholds": (row,), "group_thresholds": (own,), "files": {}, "golden": {}}
    )


def test_the_card_s_rate_is_not_given_without_the_worst_group_s() -> None:
    chosen = threshold_without_gallery(card_with_groups(), 1e-3)
    assert chosen.threshold.value == 0.6
    (note,) = chosen.notes
    assert note.text("en") == (
        "the false match rate of 0.1% holds for everybody together; among people of the group 'asian' it is 14% "
        "(11% to 18%): `mien config set group asian` takes that group's threshold"
    )
    assert "mien config set group asian" in note.text("vi")


def test_a_group_that_was_chosen_has_its_own_threshold_and_needs_no_note() -> None:
    chosen = threshold_without_gallery(card_with_groups(), 1e-3, "asian")
    assert chosen.threshold.value == 0.4 and not chosen.notes
    with pytest.raises(CardError, match="for the group 'martian'"):
        threshold_without_gallery(card_with_groups(), 1e-3, "martian")


def test_a_card_whose_groups_keep_the_rate_is_taken_without_a_note() -> None:
    card = card_with_groups()
    (row,) = card.thresholds
    even = row.model_copy(update={"strata": {"asian | asian": (0.0012, 0.0008, 0.002)}})
    assert not threshold_without_gallery(card.model_copy(update={"thresholds": (even,)}), 1e-3).notes
