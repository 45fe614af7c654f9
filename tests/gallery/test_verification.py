"""Verification of two images: the prominent faces are compared, and what cannot be compared is said."""

from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import CardError, ContractError, ImageError, ScopeError, SettingsError
from mien.gallery.identity import identity_of
from mien.gallery.records import NewTemplate, Portrait
from mien.gallery.stores import create_store
from mien.gallery.thresholds import threshold_for
from mien.gallery.verification import compare, compare_with
from mien.models import store
from mien.pipeline import Pipeline, array_item, open_pipeline
from mien.scope import KnownRate
from mien.scores import score_pairs
from mien.types import Floats, Image


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return open_pipeline()


def test_the_score_is_that_of_the_pipelines_embeddings_either_way_round(
    pipeline: Pipeline, collins: Image, hopper: Image
) -> None:
    items = [array_item("collins", collins), array_item("hopper", hopper)]
    a, b = (one.embeddings[0][None] for one in pipeline.analyse_chunk(items))
    there, back = compare_with(pipeline, *items), compare_with(pipeline, *items[::-1])
    score = there.decision.score
    assert score.value == pytest.approx(float(score_pairs(a, b, "l2")[0]), abs=1e-5)
    assert back.decision.score.value == pytest.approx(score.value, abs=1e-6) and score.unit == "L2"
    assert there.decision.outcome == back.decision.outcome == "no match"
    assert not there
    same = compare_with(pipeline, items[0], array_item("darker", (collins * 0.7).astype(np.uint8)))
    assert same.decision.outcome == "match" and same.decision.score.value < score.value
    assert same


def test_the_faces_that_were_compared_are_described(pipeline: Pipeline, collins: Image) -> None:
    twins = np.concatenate([collins, collins[:, ::-1]], axis=1)
    found = compare_with(pipeline, array_item("one", collins), array_item("twins", twins))
    assert (found.first.name, found.first.others, found.first.ambiguous) == ("one", 0, False)
    assert (found.second.name, found.second.others, found.second.ambiguous) == ("twins", 1, True)
    assert found.first.crop.shape == (150, 150, 3) and found.first.crop.std() > 20


def test_no_other_face_is_embedded(pipeline: Pipeline, collins: Image) -> None:
    counts: list[int] = []

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(pipeline.recognizer, name)

        def embed(self, crops: list[Image]) -> Floats:
            counts.append(len(crops))
            assert pipeline.recognizer is not None
            return pipeline.recognizer.embed(crops)

    twins = array_item("twins", np.concatenate([collins, collins[:, ::-1]], axis=1))
    counted = Pipeline(pipeline.detector, Counting())  # type: ignore[arg-type]
    found, whole = compare_with(counted, twins, twins), compare_with(pipeline, twins, twins)
    assert counts == [2] and found.first.others == 1 and found.decision == whole.decision


def test_an_image_without_a_face_and_a_rate_without_a_threshold_are_refused(
    pipeline: Pipeline, collins: Image
) -> None:
    wall = array_item("wall", np.full((120, 160, 3), 120, np.uint8))
    with pytest.raises(ImageError, match="wall shows no face"):
        compare_with(pipeline, array_item("one", collins), wall)
    with pytest.raises(CardError, match=r"has no threshold at FMR 0\.49"):
        compare_with(pipeline, array_item("one", collins), array_item("two", collins), fmr=0.49)


def test_the_settings_choose_the_rate(collins: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_VERIFICATION_FMR", "1e-2")
    one = array_item("one", collins)
    assert compare(one, replace(one, name="two")).decision.threshold.fmr == 1e-2


def test_a_gallery_chooses_the_threshold_and_the_recognizer(
    tmp_path: Path, collins: Image, hopper: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = store.load("dlib-resnet").card
    opened = create_store(tmp_path / "people.gallery", identity_of(card))
    generator = np.random.default_rng(0)
    portrait = Portrait(b"x", np.zeros((5, 2), np.float32))
    opened.add(
        [
            NewTemplate(f"s{n}", f"sha-{n}", generator.normal(0, 0.03, 128).astype(np.float32), portrait)
            for n in range(150)
        ]
    )
    monkeypatch.setenv("MIEN_RECOGNIZER", "another")
    found = compare(array_item("a", collins), array_item("b", hopper), gallery=tmp_path / "people.gallery")
    assert found.decision.threshold == threshold_for(opened, card, 1e-3) != card.threshold(1e-3)
    assert [note.code for note in found.notes] == ["gallery.card-fails"]
    with pytest.raises(ContractError, match="holds embeddings of dlib-resnet"):
        compare(
            array_item("a", collins),
            array_item("b", hopper),
            gallery=tmp_path / "people.gallery",
            recognizer="mien-r29",
        )


def with_rates(pipeline: Pipeline, **rates: tuple[float, float, float]) -> Pipeline:
    """The pipeline with a card that knows these rates of faces outside of its protocol."""
    assert pipeline.recognizer is not None
    card = pipeline.recognizer.card
    rows = tuple(row.model_copy(update={"conditions": rates}) for row in card.thresholds)
    recognizer = copy(pipeline.recognizer)
    recognizer.card = card.model_copy(update={"thresholds": rows})
    return Pipeline(pipeline.detector, recognizer)


def test_a_masked_face_makes_the_decision_uncertain_with_the_rate_that_is_known(
    pipeline: Pipeline, collins: Image, hopper: Image, masked: Image
) -> None:
    knowing = with_rates(pipeline, mask=(0.17, 0.15, 0.19))
    plain, covered, other = (array_item(*pair) for pair in (("a", collins), ("b", masked), ("c", hopper)))
    for one in (plain, other):
        found = compare_with(knowing, one, covered)
        assert found.decision.outcome == "uncertain" and not found and not found.decision
        assert [doubt.code for doubt in found.decision.doubts] == ["mask"]
        assert found.decision.doubts == found.second.doubts and found.first.doubts == ()
        assert found.decision.doubts[0].rate == KnownRate(0.17, 0.15, 0.19)
    assert compare_with(knowing, plain, covered).decision.accepted
    assert not compare_with(knowing, other, covered).decision.accepted


def test_a_rate_that_holds_leaves_the_decision(pipeline: Pipeline, collins: Image, masked: Image) -> None:
    plain, covered = array_item("a", collins), array_item("b", masked)
    found = compare_with(with_rates(pipeline, mask=(1e-3, 5e-4, 2e-3)), plain, covered)
    assert found.decision.outcome == "match" and [doubt.holds for doubt in found.decision.doubts] == [True]


def test_demand_refuses_what_warn_calls_uncertain(pipeline: Pipeline, collins: Image, masked: Image) -> None:
    knowing = with_rates(pipeline, mask=(0.17, 0.15, 0.19))
    plain, covered = array_item("a", collins), array_item("badge.jpg", masked)
    with pytest.raises(ScopeError, match=r"badge.jpg is outside .* \(the lower face is covered: 17%"):
        compare_with(knowing, plain, covered, scope="demand")
    assert compare_with(knowing, plain, plain, scope="demand").decision.outcome == "match"


def test_ignore_measures_nothing(pipeline: Pipeline, collins: Image, masked: Image) -> None:
    found = compare_with(pipeline, array_item("a", collins), array_item("b", masked), scope="ignore")
    assert found.decision.outcome == "match" and found.first.scope is None and found.decision.doubts == ()


def test_the_settings_choose_the_policy(collins: Image, masked: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = array_item("a", collins), array_item("b", masked)
    assert compare(*pair).decision.outcome == "uncertain"
    monkeypatch.setenv("MIEN_SCOPE", "ignore")
    assert compare(*pair).decision.outcome == "match"
    with pytest.raises(SettingsError):
        compare(*pair, scope="sometimes")
