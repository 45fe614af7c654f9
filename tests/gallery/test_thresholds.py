"""A gallery's own thresholds: they go before the card's, and only for the model that they were measured with."""

from pathlib import Path

import numpy as np
import pytest

from mien.errors import CardError, ContractError
from mien.gallery.gallery import identity_of
from mien.gallery.records import Identity
from mien.gallery.stores import create_store
from mien.gallery.stores.base import Store
from mien.gallery.thresholds import keep_thresholds, threshold_for
from mien.models import store as models
from mien.models.card import ModelCard, ThresholdRow

OWN = ThresholdRow(value=0.123, unit="L2", fmr=1e-3, protocol="our people")


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return models.load("dlib-resnet").card


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
    assert store.read_thresholds() is None and np.isfinite(threshold_for(store, card, 1e-3).value)
