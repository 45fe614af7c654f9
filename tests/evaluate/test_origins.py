"""From embeddings back to their model: the contract decides, not the name."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mien.errors import CardError, ModelNotFoundError
from mien.evaluate.origins import card_of, model_of
from mien.evaluate.scorefile import Origin
from mien.library.import_model import ModelHints, import_model
from mien.models import store

Make = Callable[..., bytes]


@pytest.fixture(scope="module")
def origin(make_recognizer: Make) -> Origin:
    """Of embeddings that a recognizer in the store made."""
    card = store.save(*import_model(make_recognizer(seed=3), "net-origin", ModelHints(colour="RGB"))).card
    return Origin(
        contract=card.contract, model=card.name, metric="cosine", normalized=True, detector="mtcnn", source="the-set"
    )


def test_the_model_is_found_by_its_name_or_by_the_one_that_was_asked_for(origin: Origin) -> None:
    card = card_of(origin)
    assert card is not None and card.contract == origin.contract
    assert model_of(origin).card == model_of(replace(origin, model="renamed"), "net-origin").card == card


def test_another_model_under_the_name_is_not_taken_for_it(origin: Origin) -> None:
    other = replace(origin, contract="0" * 12)
    assert card_of(other) is None
    with pytest.raises(CardError, match="net-origin has a different contract than the embeddings of the-set"):
        model_of(other)
    with pytest.raises(CardError, match="dlib-resnet has a different contract"):
        model_of(origin, "dlib-resnet")


def test_a_model_that_is_gone_has_no_card(origin: Origin) -> None:
    assert card_of(replace(origin, model="gone")) is None
    with pytest.raises(ModelNotFoundError):
        model_of(replace(origin, model="gone"))
