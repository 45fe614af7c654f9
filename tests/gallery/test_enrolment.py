"""Enrolment of a folder: every sample reported once it is on disk, with the gallery's own recognizer."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien.errors import GalleryError, ManifestError
from mien.gallery.enrolment import Enrolment, about_default, enrol, enrol_subject
from mien.gallery.people import list_subjects
from mien.gallery.stores import open_store
from mien.gallery.stores.sqlite import SqliteStore
from mien.models import store
from mien.progress import Progress
from mien.recognize.recognizer import Recognizer
from mien.types import Floats, Image


@pytest.fixture
def people(tmp_path: Path, collins_path: Path, hopper_path: Path) -> Path:
    for name, path in (("Collins", collins_path), ("Hopper", hopper_path)):
        (tmp_path / "people" / name).mkdir(parents=True)
        (tmp_path / "people" / name / f"1{path.suffix}").write_bytes(path.read_bytes())
    (tmp_path / "people" / "Hopper" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return tmp_path / "people"


def test_every_sample_is_reported_when_it_is_in_the_gallery(people: Path, tmp_path: Path) -> None:
    path, points = tmp_path / "people.gallery", list[Progress]()
    seen: list[tuple[Enrolment, list[str]]] = []
    report = enrol(
        path,
        people,
        on_enrolment=lambda one: seen.append((one, [row.name for row in list_subjects(path).subjects])),
        on_progress=points.append,
    )
    assert tuple(one for one, _ in seen) == report.enrolments and report.unit == store.load("dlib-resnet").card.unit
    assert report.counts == {"enrolled": 2, "broken": 1}
    assert all(one.sample.subject in names for one, names in seen if one)
    assert points[-1] == Progress(stage="enrolling", done=3, total=3)
    assert enrol(path, people).counts == {"already enrolled": 2, "broken": 1}


def test_bystanders_are_not_embedded(hopper: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    embed = Recognizer.embed

    def counted(recognizer: Recognizer, crops: Sequence[Image]) -> Floats:
        counts.append(len(crops))
        return embed(recognizer, crops)

    monkeypatch.setattr(Recognizer, "embed", counted)
    crowd = np.full((600, 900, 3), 90, np.uint8)
    crowd[:, :512] = hopper
    crowd[:200, 650:821] = cv2.resize(hopper, (171, 200), interpolation=cv2.INTER_AREA)
    (tmp_path / "people" / "Grace Hopper").mkdir(parents=True)
    Pillow.fromarray(crowd).save(tmp_path / "people" / "Grace Hopper" / "1.png")
    report = enrol(tmp_path / "g.gallery", tmp_path / "people")
    (one,) = report.enrolments
    assert one.status == "enrolled" and one.detail == "the most prominent of 2 faces" and counts == [1]


def test_nothing_to_enrol_makes_no_gallery(tmp_path: Path, make_recognizer: Callable[..., bytes]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match="holds no images"):
        enrol(tmp_path / "g", tmp_path / "empty")
    assert not (tmp_path / "g").exists()


GROUP = {"asian | asian": (0.025, 0.015, 0.04), "other | other": (8e-5, 6e-5, 1e-4)}


def test_a_new_gallery_with_the_embedded_default_says_once_what_its_card_says_of_groups(
    people: Path, tmp_path: Path
) -> None:
    model = store.load("dlib-resnet")
    rows = tuple(
        row.model_copy(update={"strata": GROUP if row.fmr == 1e-4 else None}) for row in model.card.thresholds
    )
    assert about_default(model.card.model_copy(update={"thresholds": ()})) == ()
    grouped = model.card.model_copy(update={"thresholds": rows})
    (note,) = about_default(grouped)
    assert note.text("en") == (
        "dlib-resnet lets 2.5% of the pairs of different people pass within its worst known group (asian), where its "
        "card promises 0.01%: `mien models pull recommended` brings a better one"
    )
    assert about_default(grouped.model_copy(update={"name": "another"})) == ()
    first, again = enrol(tmp_path / "g", people), enrol(tmp_path / "g", people)
    assert set(about_default(model.card)) <= set(first.notes) and not set(about_default(model.card)) & set(
        again.notes
    )


def test_what_the_people_show_is_measured_when_they_are_enrolled(people: Path, tmp_path: Path) -> None:
    report = enrol(tmp_path / "g", people)
    opened = open_store(tmp_path / "g")
    assert opened.read_kept("calibration") is not None
    (missing,) = [note for note in report.notes if note.code == "gallery.missing"]
    assert missing.arguments["count"] == 2 and missing.arguments["missing"] == 446


def test_images_of_one_subject_are_enrolled_without_a_folder(
    tmp_path: Path, collins_path: Path, hopper_path: Path
) -> None:
    path = tmp_path / "g"
    assert enrol_subject(path, " Eileen Collins", [collins_path]).counts == {"enrolled": 1}
    report = enrol_subject(path, "Eileen Collins", [collins_path, hopper_path])
    assert report.counts == {"already enrolled": 1, "enrolled": 1} and report.subjects == 1
    assert [one.kind for one in report.conflicts[0].conflicts] == ["same subject"], "it shows somebody else"
    assert [(row.name, row.templates) for row in list_subjects(path).subjects] == [("Eileen Collins", 2)]
    with pytest.raises(GalleryError, match="needs a name"):
        enrol_subject(tmp_path / "other", " ", [collins_path])
    with pytest.raises(ManifestError, match="no images of 'An'"):
        enrol_subject(tmp_path / "other", "An", [])
    assert not (tmp_path / "other").exists()


def test_one_bad_row_of_a_manifest_does_not_lose_the_others(tmp_path: Path, collins_path: Path) -> None:
    (tmp_path / "people.csv").write_text(f"path,subject\n{collins_path},Collins\n{collins_path},\n,Hopper\n")
    report = enrol(tmp_path / "g", tmp_path / "people.csv")
    assert report.counts == {"enrolled": 1} and len(report.problems) == 2
    assert all("people.csv" in problem.where for problem in report.problems)


def test_a_gallery_that_cannot_be_written_is_refused_before_any_image_is_looked_at(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(tmp_path / "g", people)

    def refuse(opened: SqliteStore) -> None:
        raise GalleryError("it can only be read")

    def begin(*about: object, **more: object) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr(SqliteStore, "require_writable", refuse)
    monkeypatch.setattr("mien.gallery.enrolment.open_pipeline", begin)
    with pytest.raises(GalleryError, match="can only be read"):
        enrol(tmp_path / "g", people)


def test_a_gallery_that_other_accounts_can_read_is_named(tmp_path: Path, collins_path: Path) -> None:
    path = tmp_path / "g"
    assert "gallery.open-to-others" not in [note.code for note in enrol_subject(path, "An", [collins_path]).notes]
    path.chmod(0o644)
    note = enrol_subject(path, "An", [collins_path]).notes[0]
    assert note.text("en") == f"{path} can be read by other accounts: `chmod 600 {path}` closes it"
