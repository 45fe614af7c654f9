"""Identification of images: a decision for every face, in order, with files that cannot be read in their places."""

from pathlib import Path

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.enrolment import enrol
from mien.gallery.identification import IdentifiedImage, identify
from mien.gallery.thresholds import for_worst_group
from mien.models import store
from mien.pipeline import array_item
from mien.progress import Progress
from mien.types import Image


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory, collins_path: Path) -> Path:
    """Of Eileen Collins alone."""
    folder = tmp_path_factory.mktemp("identification")
    (folder / "people" / "Collins").mkdir(parents=True)
    (folder / "people" / "Collins" / "1.png").write_bytes(collins_path.read_bytes())
    assert enrol(folder / "g", folder / "people").counts == {"enrolled": 1}
    return folder / "g"


def test_every_face_gets_a_decision_and_every_image_its_place(
    gallery: Path, collins: Image, hopper: Image, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    both = np.concatenate([collins, hopper[:512]], axis=1)
    sources = [
        array_item("both", both),
        tmp_path / "broken.jpg",
        array_item("wall", np.full((120, 160, 3), 120, np.uint8)),
        array_item("collins", collins),
    ]
    seen, points = list[IdentifiedImage](), list[Progress]()
    report = identify(gallery, sources, on_image=seen.append, on_progress=points.append)
    assert tuple(seen) == report.images and points[-1] == Progress(stage="identifying", done=4, total=4)
    decisions = [sorted(person.decision for person in one.people) for one in report.images]
    assert decisions == [["Collins", "unknown"], [], [], ["Collins"]]
    assert all(len(one.faces) == len(one.people) for one in report.images)
    assert (report.faces, report.known, report.failed) == (3, 2, 1)
    assert "is not a JPEG" in str(report.images[1].error) and report.images[2].error is None
    assert (report.images[0].width, report.images[0].height) == (1024, 512)


@pytest.mark.parametrize("fmr", [None, 1e-2])
def test_the_threshold_is_the_settings_or_the_one_asked_for(
    gallery: Path, collins: Image, fmr: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_IDENTIFICATION_FMR", "1e-3")
    report = identify(gallery, [array_item("collins", collins)], fmr=fmr, count=1)
    card = store.load("dlib-resnet").card
    expected = for_worst_group(card, card.threshold(1e-3 if fmr is None else fmr))[0]
    assert (report.threshold.value, report.threshold.fmr) == (expected.value, expected.fmr)
    assert [note.code for note in report.notes] == ["gallery.missing", "gallery.worst-group"]
    (person,) = report.images[0].people
    assert len(person.candidates) == 1


def test_a_gallery_that_is_not_there_is_named(tmp_path: Path, collins_path: Path) -> None:
    with pytest.raises(GalleryError, match="gone"):
        identify(tmp_path / "gone", [collins_path])
