"""From embeddings back to the model that made them: its card and its files, if the store still has them.

A name in the store may stand for a different model by now, so the embedding contract decides. Opens no engine.
"""

from mien.errors import CardError, ModelError
from mien.evaluate.scorefile import Origin
from mien.models import store
from mien.models.card import ModelCard


def card_of(origin: Origin) -> ModelCard | None:
    """The card of the model that made the embeddings; None if the store does not have that model."""
    try:
        card = store.load(origin.model).card
    except ModelError:
        return None
    return card if card.contract == origin.contract else None


def model_of(origin: Origin, recognizer: str | None = None) -> store.Model:
    """The model that made the embeddings.

    Args:
        origin: of the embeddings.
        recognizer: a name or the path of a card to look for it; None takes the name that the origin has.

    Raises:
        CardError: that is a different model.
        ModelError: the store does not have it.
    """
    model = store.load(recognizer or origin.model)
    if model.card.contract != origin.contract:
        raise CardError(
            f"{model.card.name} has a different contract than the embeddings of {origin.source}; embed the set again"
        )
    return model
