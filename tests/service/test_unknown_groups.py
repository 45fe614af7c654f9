"""Visits of one person are together, and those of others are not."""

import numpy as np

from mien.models import store
from mien.models.defaults import DEFAULT_RECOGNIZER
from mien.service.unknown_groups import group_visits
from mien.types import Floats

CARD = store.load(DEFAULT_RECOGNIZER).card


def visits(people: int, per_person: int) -> tuple[list[Floats], list[int]]:
    """Made-up visits of two samples each, in turn; those of a person lie close together."""
    generator = np.random.default_rng(3)
    centres = generator.normal(0, 0.09, (people, 128))
    order = list(range(people)) * per_person
    return [
        (centres[one] + generator.normal(0, 0.01, (2, centres.shape[1]))).astype(np.float32) for one in order
    ], order


def test_visits_of_one_person_are_together_and_strangers_are_not() -> None:
    made, order = visits(people=6, per_person=3)
    groups = group_visits(made, CARD)
    assert sorted(sorted(group) for group in groups) == [[one, one + 6, one + 12] for one in range(6)]
    assert all(len({order[place] for place in group}) == 1 for group in groups)


def test_a_single_visit_is_a_person_and_none_is_nobody() -> None:
    made, _ = visits(people=1, per_person=1)
    assert group_visits(made, CARD) == [[0]] and group_visits([], CARD) == []


def test_a_card_without_thresholds_leaves_each_visit_alone() -> None:
    made, _ = visits(people=1, per_person=2)
    assert group_visits(made, CARD.model_copy(update={"thresholds": ()})) == [[0], [1]]
