"""Thresholds of a gallery's own, measured on its people or people like them; they go before the model card's.

They carry the embedding contract, so they fall out of use when the gallery gets another model.
"""

import json
from collections.abc import Sequence

from mien.errors import CardError, ContractError
from mien.gallery.stores.base import Store
from mien.models.card import ModelCard, ThresholdRow
from mien.types import Threshold


def keep_thresholds(store: Store, contract: str, rows: Sequence[ThresholdRow]) -> None:
    """Write measured thresholds into a gallery, in place of earlier ones.

    Raises:
        ContractError: they were measured with another model.
    """
    if contract != store.identity.contract:
        raise ContractError(
            f"{store.address} holds embeddings of {store.identity.model} (contract {store.identity.contract}); these "
            f"thresholds were measured with contract {contract}: embed with --recognizer {store.identity.model}"
        )
    store.write_thresholds(json.dumps({"contract": contract, "rows": [row.model_dump() for row in rows]}))


def threshold_for(store: Store, card: ModelCard, fmr: float) -> Threshold:
    """The gallery's own threshold for a false match rate, else the card's.

    Raises:
        CardError: neither has one for that rate.
    """
    text = store.read_thresholds()
    if text is not None:
        kept = json.loads(text)
        if kept["contract"] == card.contract:
            own = card.model_copy(update={"thresholds": tuple(ThresholdRow(**row) for row in kept["rows"])})
            try:
                return own.threshold(fmr)
            except CardError:
                return card.threshold(fmr)
    return card.threshold(fmr)
