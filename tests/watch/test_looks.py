"""The looks at a track share the policy's rate, with thresholds that somebody measured."""

from pathlib import Path

import numpy as np
import pytest

import mien
from mien.errors import CardError
from mien.gallery.gallery import Gallery, identity_of
from mien.gallery.records import NewTemplate
from mien.gallery.stores import create_store
from mien.gallery.threshold_policies import parse_policy
from mien.models.card import ModelCard
from mien.watch.looks import COUNTS, ONLY, RENEWAL, Plans, plan_looks


@pytest.fixture
def card() -> ModelCard:
    """The default recognizer's, without its groups: everybody's rates."""
    found = mien.load_card("dlib-resnet")
    rows = tuple(row.model_copy(update={"strata": None}) for row in found.thresholds)
    return found.model_copy(update={"thresholds": rows, "group_thresholds": ()})


@pytest.fixture
def gallery(tmp_path: Path, card: ModelCard) -> Gallery:
    return Gallery(create_store(tmp_path / "empty.gallery", identity_of(card)))


def test_four_looks_add_up_to_no_more_than_the_policy(gallery: Gallery, card: ModelCard) -> None:
    plan = plan_looks(parse_policy("fmr:1e-2"), gallery.store, card)
    assert plan.counts == COUNTS and plan.chosen.threshold.fmr == 1e-3, "the next measured one below 1e-2 / 4"
    assert plan.fmr == pytest.approx(4e-3) and plan.fmr <= 1e-2


def test_where_no_stricter_threshold_was_measured_a_track_is_compared_once(gallery: Gallery, card: ModelCard) -> None:
    plan = plan_looks(parse_policy("fmr:1e-4"), gallery.store, card)
    assert plan.counts == ONLY and plan.chosen.threshold.fmr == plan.fmr == 1e-4


def test_a_worst_group_that_nothing_keeps_within_the_share_is_no_reason_for_more_looks(gallery: Gallery) -> None:
    """The shipped card: 1e-4 of everybody is 1e-3 within the worst group, which is above 1e-3 / 4."""
    plan = plan_looks(parse_policy("fmr:1e-3"), gallery.store, mien.load_card("dlib-resnet"))
    assert plan.counts == ONLY and plan.fmr == plan.chosen.threshold.fmr


def test_a_rate_that_nothing_shows_is_refused(gallery: Gallery, card: ModelCard) -> None:
    with pytest.raises(CardError, match="more subjects"):
        plan_looks(parse_policy("fmr:1e-7"), gallery.store, card)


def test_a_look_is_due_at_each_count_once(gallery: Gallery, card: ModelCard) -> None:
    plan, looked, at = plan_looks(parse_policy("fmr:1e-2"), gallery.store, card), 0, list[int]()
    for samples in range(30):
        if plan.due(samples, looked):
            looked += 1
            at.append(samples)
    assert at == [1, 3, 8, 20]


def test_a_camera_that_is_watched_for_months_follows_the_number_of_subjects(
    gallery: Gallery, card: ModelCard
) -> None:
    policy, rows = parse_policy("fpir:1e-2"), np.random.default_rng(0).normal(size=(4, 128)).astype(np.float32)
    new = [NewTemplate(f"person {place}", f"sha-{place}", row, None) for place, row in enumerate(rows)]
    gallery.store.add(new[:1])
    plans = Plans(plan_looks(policy, gallery.store, card), gallery.store, card)
    before = plans.current(0.0)
    gallery.store.add(new[1:])
    assert plans.current(RENEWAL / 2) is before, "people are not counted all the time"
    after = plans.current(RENEWAL)
    assert after.fmr <= 1e-2 / 4 < before.fmr, "a stranger meets four people"
    assert plans.current(3 * RENEWAL) is after, "nothing has changed since"
