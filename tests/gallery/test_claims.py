"""A claimed subject is compared with all of its images, and not at all while it is suspended."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import mien
from mien.errors import GalleryError, ImageError, SubjectNotFoundError
from mien.gallery.claims import verify_claim
from mien.gallery.item_enrolment import enrol_items
from mien.gallery.profiles import Profile
from mien.gallery.threshold_policies import parse_policy, resolve_policy
from mien.pipeline import Pipeline, array_item, file_item


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return mien.open_pipeline()


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[mien.Gallery]:
    opened = mien.Gallery.create(tmp_path / "g.gallery", mien.load_card("dlib-resnet"))
    yield opened
    opened.close()


def test_a_claim(gallery: mien.Gallery, pipeline: Pipeline, collins_path: Path, hopper_path: Path, collins) -> None:
    card = mien.load_card("dlib-resnet")
    row = gallery.store.create_subject(Profile("Eileen Collins"))
    chosen = resolve_policy(parse_policy("fmr:1e-3"), gallery.store, card)
    with pytest.raises(GalleryError, match="no samples"):
        verify_claim(gallery, row.id, file_item(collins_path), pipeline, chosen)
    enrolled = enrol_items(gallery, row.id, [file_item(collins_path)], pipeline, card)
    assert [one.status for one in enrolled] == ["enrolled"] and gallery.store.samples(row.id)[0].source is None
    darker = array_item("darker", (collins * 0.7).astype("uint8"))
    assert verify_claim(gallery, row.id, darker, pipeline, chosen).decision.outcome == "match"
    assert verify_claim(gallery, row.id, file_item(hopper_path), pipeline, chosen).decision.outcome == "no match"
    with pytest.raises(ImageError, match="wall shows no face"):
        verify_claim(gallery, row.id, array_item("wall", collins[:40, :40]), pipeline, chosen)
    with pytest.raises(SubjectNotFoundError):
        verify_claim(gallery, "0" * 32, darker, pipeline, chosen)
    gallery.store.change_subject(row.id, lambda profile: replace(profile, state="suspended"))
    with pytest.raises(GalleryError, match="suspended"):
        verify_claim(gallery, row.id, darker, pipeline, chosen)


def test_each_image_has_its_own_reason(
    gallery: mien.Gallery, pipeline: Pipeline, collins_path: Path, collins
) -> None:
    row = gallery.store.create_subject(Profile("Eileen Collins"))
    items = [file_item(collins_path), array_item("wall", collins[:40, :40]), file_item(collins_path)]
    found = enrol_items(gallery, row.id, items, pipeline, mien.load_card("dlib-resnet"))
    assert [one.status for one in found] == ["enrolled", "no face", "already enrolled"]
    assert gallery.store.subject(row.id).templates == 1
