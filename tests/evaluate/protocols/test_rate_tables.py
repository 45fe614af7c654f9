"""Tables of rates: what the set can show, the first rate that it cannot, the card's thresholds, and strata."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.evaluate.protocols.rate_tables import card_table, point_numbers, points_table, strata_table
from mien.evaluate.wording import describe, rate_text
from mien.models import store
from mien.pairwise.all_pairs import compare_all
from mien.pairwise.rates_at import fmr_at, fnmr_at
from mien.types import Floats

World = Callable[..., tuple[Floats, np.ndarray, list[str]]]


def test_the_first_rate_that_cannot_be_shown_says_what_is_missing(metric: str, world: World) -> None:
    found = compare_all(*world(1)[:2], metric)
    points, table = points_table(found, "unit")
    assert [row[0] for row in table.rows] == [rate_text(rate) for rate in (0.1, 0.01, 0.001, 0.0001)]
    assert [point.wanted for point in points] == [0.1, 0.01, 0.001] and table.rows[-1][2:] == (None, None)
    assert {len(row) for row in table.rows} == {len(table.columns)} == {4}
    _, without = points_table(found, "unit", mated=False)
    assert {len(row) for row in without.rows} == {len(without.columns)} == {3}


def test_numbers_are_those_of_the_points(metric: str, world: World) -> None:
    found = compare_all(*world(1)[:2], metric)
    points, _ = points_table(found, "unit")
    numbers = point_numbers(points, "unit")
    assert len(numbers) == 9
    assert [point.threshold_interval is None for point in points] == [False, False, True]
    for point, key in zip(points, ("1e-01", "1e-02", "1e-03"), strict=True):
        threshold, fmr, fnmr = (numbers[f"{name}@{key}"] for name in ("threshold", "fmr", "fnmr"))
        assert threshold.value == point.threshold and threshold.unit == "unit"
        assert (threshold.low is None) == (threshold.high is None) == (point.threshold_interval is None)
        assert threshold.missing_people == (point.missing or None)
        assert (
            fmr.value == fmr_at(found, point.threshold).value and fnmr.value == fnmr_at(found, point.threshold).value
        )


def test_the_cards_thresholds_are_tried_only_on_its_own_models_embeddings(world: World) -> None:
    card = store.load("dlib-resnet").card
    found = compare_all(*world(1)[:2], "l2")
    table = card_table(found, card, card.contract)
    assert table is not None and len(table.rows) == len(card.thresholds) > 0
    assert table.rows[0][2] == describe(fmr_at(found, card.thresholds[0].value))
    assert card_table(found, card, "other") is None and card_table(found, None, card.contract) is None


@pytest.mark.parametrize("several", [True, False])
def test_strata_are_compared_where_there_are_several(world: World, several: bool) -> None:
    embeddings, numbers, strata = world(1)
    found = compare_all(embeddings, numbers, "cosine", strata=strata if several else None)
    points, _ = points_table(found, "cosine")
    table = strata_table(found, points)
    assert strata_table(found, []) is None and (table is not None) is several
    if table is not None:
        assert {(row[0], row[1]) for row in table.rows} == {
            ("adult", "adult"),
            ("adult", "child"),
            ("child", "child"),
        }
        assert sum(row[3] for row in table.rows if isinstance(row[3], int)) == found.nonmated
