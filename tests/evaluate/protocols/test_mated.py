"""All comparisons of sets with several images per person."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mien.evaluate.mated_rates import capped
from mien.evaluate.protocols.mated import mated
from mien.evaluate.scorefile import Embedded
from mien.models.card import ModelCard, ThresholdRow
from mien.models.defaults import shipped_card

Make = Callable[..., Embedded]


def test_the_cards_thresholds_are_tried_on_the_set(make_embedded: Make) -> None:
    embedded = make_embedded()
    row = ThresholdRow(value=0.8, unit="cosine", fmr=1e-3, protocol="elsewhere")
    card: ModelCard = shipped_card("dlib-resnet").model_copy(update={"thresholds": (row,)})
    own = replace(embedded, origin=replace(embedded.origin, contract=card.contract))
    titles = [table.title for table in mated(own, card=card).in_language("en").tables]
    assert "The card's thresholds on this set" in titles
    assert "The card's thresholds on this set" not in [
        table.title for table in mated(embedded, card=card).in_language("en").tables
    ]


def test_a_cap_keeps_the_few_from_outvoting_all_others() -> None:
    subjects = np.array([0] * 50 + [1, 1, 2])
    chosen = capped(subjects, 5, 0)
    assert np.bincount(subjects[chosen]).tolist() == [5, 2, 1]
    assert (capped(subjects, 5, 1) != chosen).any()
    assert capped(subjects, 100, 0).tolist() == list(range(53))
