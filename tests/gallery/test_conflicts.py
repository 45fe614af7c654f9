"""Conflicts of enrolment: which threshold they rest on, with embeddings at known distances."""

from pathlib import Path

import numpy as np
import pytest

from mien.data.sample import Sample
from mien.errors import SubjectNotFoundError
from mien.gallery.gallery import Enrolment, Gallery
from mien.gallery.profiles import Consent, Profile
from mien.gallery.records import GallerySettings
from mien.models import store
from mien.models.card import ModelCard, ThresholdRow
from mien.pipeline import Analysis, array_item
from mien.types import Box, Cutout, Face, floats

IMAGE = np.zeros((100, 100, 3), np.uint8)
LANDMARKS = floats([[35, 40], [65, 40], [50, 55], [38, 70], [62, 70]])
FACE = Face(Box(20, 20, 80, 90), 1.0, LANDMARKS)
BASE = np.eye(1, 128, dtype=np.float32)[0]


@pytest.fixture(scope="module")
def card() -> ModelCard:
    """A card that knows no groups."""
    own = store.load("dlib-resnet").card
    rows = tuple(row.model_copy(update={"strata": None}) for row in own.thresholds)
    return own.model_copy(update={"thresholds": rows, "group_thresholds": ()})


@pytest.fixture
def gallery(tmp_path: Path, card: ModelCard) -> Gallery:
    return Gallery.create(tmp_path / "people.gallery", card)


def at(distance: float, direction: int = 1) -> np.ndarray:
    """A vector at an L2 distance from the base."""
    return floats(BASE + distance * np.eye(128)[direction])


def analysed(name: str, vector: np.ndarray) -> Analysis:
    return Analysis(
        item=array_item("made", IMAGE),
        width=100,
        height=100,
        faces=(FACE,),
        crops=np.zeros((1, 150, 150, 3), np.uint8),
        embeddings=vector[None],
        cutouts=(Cutout(IMAGE, LANDMARKS),),
        sha256=f"{name}{vector.tobytes().hex()}",
    )


def enrol(gallery: Gallery, card: ModelCard, subject: str, vector: np.ndarray, *, strict: bool = False) -> Enrolment:
    analysis = analysed(subject, vector)
    return gallery.enrol([(Sample(Path("made.jpg"), subject), analysis)], card, strict=strict)[0]


def limits(card: ModelCard) -> tuple[float, float]:
    """The strictest and the loosest threshold of the card; smaller is stricter in L2."""
    values = [card.threshold(row.fmr).value for row in card.thresholds]
    assert min(values) < max(values)
    return min(values), max(values)


def kinds(enrolment: Enrolment) -> list[tuple[str, str]]:
    return [(conflict.kind, conflict.subject) for conflict in enrolment.conflicts]


def test_a_duplicate_subject_is_reported_by_the_strictest_threshold(gallery: Gallery, card: ModelCard) -> None:
    strictest, loosest = limits(card)
    enrol(gallery, card, "An", BASE)
    assert kinds(enrol(gallery, card, "Bình", at((strictest + loosest) / 2))) == []
    assert kinds(enrol(gallery, card, "Chi", at(strictest * 0.99, 2))) == [("duplicate subject", "An")]


def test_a_strange_sample_of_a_subject_is_reported_by_the_loosest_threshold(
    gallery: Gallery, card: ModelCard
) -> None:
    strictest, loosest = limits(card)
    enrol(gallery, card, "An", BASE)
    assert kinds(enrol(gallery, card, "An", at((strictest + loosest) / 2))) == []
    assert kinds(enrol(gallery, card, "An", at(loosest * 1.5, 2))) == [("same subject", "An")]


def test_a_strange_sample_is_compared_with_the_nearest_of_its_subject(gallery: Gallery, card: ModelCard) -> None:
    _, loosest = limits(card)
    enrol(gallery, card, "An", at(loosest * 3))
    enrol(gallery, card, "An", BASE)
    near = enrol(gallery, card, "An", at(loosest * 0.5, 2))
    far = enrol(gallery, card, "An", at(loosest * 2, 3))
    assert kinds(near) == [] and far.conflicts[0].score.value == pytest.approx(loosest * 2, rel=1e-3)


def test_strict_enrolment_leaves_conflicts_out_and_nothing_else(gallery: Gallery, card: ModelCard) -> None:
    strictest, loosest = limits(card)
    enrol(gallery, card, "An", BASE, strict=True)
    assert enrol(gallery, card, "Chi", at(strictest * 0.5), strict=True).status == "conflict"
    assert enrol(gallery, card, "An", at(loosest * 2, 2), strict=True).status == "conflict"
    assert enrol(gallery, card, "An", at(strictest * 0.5, 3), strict=True).status == "enrolled"
    assert [(row.name, row.templates) for row in gallery.subjects()] == [("An", 2)]


def test_candidates_are_the_best_subjects_in_order_and_no_more_than_asked_for(
    gallery: Gallery, card: ModelCard
) -> None:
    for number, name in enumerate(("Dung", "An", "Chi", "Bình")):
        enrol(gallery, card, name, at(0.2 + 0.1 * number, number + 1))
    for count in (1, 3, 4):
        found = gallery.search(BASE[None], count)[0]
        assert [candidate.subject for candidate in found] == ["Dung", "An", "Chi", "Bình"][:count]
    enrol(gallery, card, "Em", at(0.2, 1))
    assert [one.subject for one in gallery.search(BASE[None], 2)[0]] == ["Dung", "Em"], "the one enrolled first"


def test_people_who_are_all_alike_are_not_duplicates_of_each_other(gallery: Gallery, card: ModelCard) -> None:
    """Most pairs pass the card's strictest threshold; one person under two names is still found."""
    places = np.random.default_rng(0).normal(0, 0.027, (161, 128)).astype(np.float32)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(161, 1)]
    assert np.mean(apart < limits(card)[0]) > 0.6
    results = [enrol(gallery, card, f"p{number:03d}", place) for number, place in enumerate(places)]
    assert any(results[number].conflicts for number in range(2, 40)), "too few people to know it"
    assert sum(bool(results[number].conflicts) for number in range(80, 161)) <= 2
    assert kinds(enrol(gallery, card, "twin", places[7] + np.float32(0.005))) == [("duplicate subject", "p007")]


def test_conflicts_rest_on_the_cards_threshold_for_its_worst_group(gallery: Gallery, card: ModelCard) -> None:
    strict, _ = limits(card)
    rows = tuple(
        row.model_copy(update={"strata": {"asian | asian": (0.02, 0.01, 0.03)}}) if row.value == strict else row
        for row in card.thresholds
    )
    own = ThresholdRow(value=0.3, unit="L2", fmr=min(row.fmr for row in rows), protocol="a group", group="asian")
    grouped = card.model_copy(update={"thresholds": rows, "group_thresholds": (own,)})
    enrol(gallery, grouped, "An", BASE)
    assert enrol(gallery, grouped, "Bình", at(0.31)).conflicts == ()
    assert kinds(enrol(gallery, grouped, "Chi", at(0.29, 2))) == [("duplicate subject", "An")]


def test_samples_of_an_owner_go_to_it_whatever_they_are_called(gallery: Gallery, card: ModelCard) -> None:
    owner = gallery.store.create_subject(Profile("Nguyễn Văn An"))
    gallery.store.create_subject(Profile("Nguyễn Văn An"))
    analysis = analysed("x", BASE)
    [done] = gallery.enrol([(Sample(Path("upload"), "ignored"), analysis)], card, owner=owner.id, sources=False)
    [again] = gallery.enrol([(Sample(Path("upload"), "other"), analysis)], card, owner=owner.id)
    row = gallery.store.samples(owner.id)[0]
    assert done.status == "enrolled" and done.sample_id == row.id and row.source is None
    assert again.status == "already enrolled" and again.sample_id is None
    found = gallery.search(BASE[None], 1)[0][0]
    assert (found.subject, found.subject_id) == ("Nguyễn Văn An", owner.id) and len(gallery.subjects()) == 2
    near = gallery.enrol([(Sample(Path("b"), "Chi"), analysed("y", at(0.01)))], card)[0]
    assert kinds(near) == [("duplicate subject", "Nguyễn Văn An")]
    with pytest.raises(SubjectNotFoundError):
        gallery.enrol([(Sample(Path("c"), ""), analysed("z", BASE))], card, owner="nobody")


def test_a_name_of_two_people_and_a_missing_consent_are_refused_one_by_one(gallery: Gallery, card: ModelCard) -> None:
    for _ in range(2):
        gallery.store.create_subject(Profile("Trần Bình", consent=Consent("door", 1.0)))
    samples = [(Sample(Path(f"{n}.jpg"), name), analysed(name, at(n))) for n, name in enumerate(("Trần Bình", "An"))]
    assert [one.status for one in gallery.enrol(samples, card)] == ["ambiguous name", "enrolled"]
    gallery.store.change_settings(GallerySettings(requires_consent=True))
    chi = gallery.store.create_subject(Profile("Chi", consent=Consent("door", 1.0)))
    samples = [(Sample(Path(name), name), analysed(name + "2", at(9))) for name in ("An", "Em", "Chi")]
    results = gallery.enrol(samples, card)
    assert [one.status for one in results] == ["no consent", "no consent", "enrolled"]
    assert gallery.store.subject(chi.id).templates == 1 and gallery.store.find("Em") == []
