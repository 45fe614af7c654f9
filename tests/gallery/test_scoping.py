"""Scope in a gallery: new galleries demand it of enrolments, old ones warn, and identification is uncertain."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien import api
from mien.errors import SettingsError
from mien.gallery.enrolment import EnrolmentReport, enrol
from mien.gallery.gallery import Gallery
from mien.gallery.identification import identify
from mien.gallery.samples import list_samples
from mien.gallery.scoping import KEPT, WARNING, EnrolmentPolicy, card_threshold, enrolment_policy, measured
from mien.gallery.stores import open_store
from mien.models import store
from mien.pipeline import Analysis, Policy, array_item, open_pipeline
from mien.scope import Scope, find_scopes
from mien.types import Image


@pytest.fixture
def people(tmp_path: Path, collins: Image, masked: Image) -> Path:
    """Two photographs of Eileen Collins: as she is, and masked."""
    (tmp_path / "people" / "Collins").mkdir(parents=True)
    for name, image in (("plain", collins), ("masked", masked)):
        Pillow.fromarray(image).save(tmp_path / "people" / "Collins" / f"{name}.png")
    return tmp_path / "people"


def statuses(report: EnrolmentReport) -> dict[str, str]:
    return {one.sample.path.stem: one.status for one in report.enrolments if one.sample.path is not None}


def make_old(path: Path) -> None:
    """Make a gallery like one of an older version, which kept no policy."""
    opened = open_store(path)
    opened.write_kept(KEPT, None)
    opened.close()


def test_a_new_gallery_demands_also_when_the_command_runs_again(people: Path, tmp_path: Path) -> None:
    first, again = (enrol(tmp_path / "g", people) for _ in range(2))
    assert statuses(first) == {"plain": "enrolled", "masked": "out of scope"}
    assert statuses(again) == {"plain": "already enrolled", "masked": "out of scope"}
    (refused,) = first.rejected
    assert [one.code for one in refused.doubts] == ["mask"] and first.doubtful == (refused,)
    assert "the lower face is covered" in refused.detail and "--scope warn" in refused.detail


def test_an_older_gallery_warns(people: Path, tmp_path: Path) -> None:
    Gallery.create(tmp_path / "g", store.load("dlib-resnet").card).close()
    make_old(tmp_path / "g")
    report = enrol(tmp_path / "g", people)
    assert statuses(report) == {"plain": "enrolled", "masked": "enrolled"}
    assert [one.sample.path.stem for one in report.doubtful if one.sample.path] == ["masked"]


@pytest.mark.parametrize(("scope", "doubtful"), [("warn", 1), ("ignore", 0)])
def test_what_is_asked_for_goes_before_the_gallery(
    people: Path, tmp_path: Path, scope: str, doubtful: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = enrol(tmp_path / "asked", people, scope=scope)
    assert report.counts == {"enrolled": 2} and len(report.doubtful) == doubtful
    monkeypatch.setenv("MIEN_SCOPE", scope)
    assert enrol(tmp_path / "set", people).counts == {"enrolled": 2}


def test_the_policy_of_an_enrolment(tmp_path: Path) -> None:
    gallery = Gallery.create(tmp_path / "g", store.load("dlib-resnet").card)
    demanding = EnrolmentPolicy(scope="demand", portrait="warn")
    assert enrolment_policy(gallery.store, None) == enrolment_policy(gallery.store, "auto") == demanding
    for name in ("demand", "warn", "ignore"):
        assert enrolment_policy(gallery.store, name) == EnrolmentPolicy(scope=name, portrait=name)
    gallery.close()
    make_old(tmp_path / "g")
    again = Gallery.create(tmp_path / "g", store.load("dlib-resnet").card)
    assert enrolment_policy(again.store, None) == WARNING, "opening does not make an old gallery a new one"
    with pytest.raises(SettingsError):
        enrolment_policy(again.store, "never")
    again.close()


def test_identification_is_uncertain_refused_or_blind_by_policy(
    people: Path, tmp_path: Path, collins: Image, masked: Image
) -> None:
    enrol(tmp_path / "g", people)
    probes = [array_item("plain", collins), array_item("masked", masked)]
    decisions = {}
    for scope in ("warn", "demand", "ignore"):
        report = identify(tmp_path / "g", probes, fmr=1e-2, scope=scope)
        decisions[scope] = [person.decision for one in report.images for person in one.people]
        assert (report.known, report.uncertain) == ((2, 0) if scope == "ignore" else (1, 1))
        assert [len(one.scopes) for one in report.images] == ([0, 0] if scope == "ignore" else [1, 1])
        candidates = [len(person.candidates) for one in report.images for person in one.people]
        assert candidates == ([1, 0] if scope == "demand" else [1, 1])
    assert decisions == {
        "warn": ["Collins", "uncertain"],
        "demand": ["Collins", "refused"],
        "ignore": ["Collins", "Collins"],
    }


def test_the_api_decides_as_the_verbs(people: Path, tmp_path: Path, collins: Image, masked: Image) -> None:
    gallery = Gallery.create(tmp_path / "g", store.load("dlib-resnet").card)
    assert sorted(one.status for one in api.enrol_folder(gallery, people)) == ["enrolled", "out of scope"]
    assert [one.status for one in api.enrol_folder(gallery, people, scope="warn")].count("enrolled") == 1
    found = {scope: api.identify_faces(gallery, masked, scope=scope)[0][1] for scope in ("warn", "ignore")}
    assert found["warn"].decision == "uncertain" and found["ignore"].decision == "Collins"
    gallery.close()
    assert api.compare_images(collins, masked).outcome == "uncertain"
    assert api.compare_images(collins, masked, scope="ignore").outcome == "match"


def test_a_match_with_a_portrait_that_was_doubtful_at_enrolment_is_uncertain(
    tmp_path: Path, collins: Image, hopper: Image, masked: Image
) -> None:
    for name, image in (("Collins", masked), ("Hopper", hopper)):
        (tmp_path / "set" / name).mkdir(parents=True)
        Pillow.fromarray(image).save(tmp_path / "set" / name / "1.png")
    enrol(tmp_path / "g", tmp_path / "set", scope="warn")
    probes = [array_item("collins", collins), array_item("hopper", hopper)]
    report = identify(tmp_path / "g", probes, fmr=1e-2)
    uncertain, sure = (image.people[0] for image in report.images)
    assert uncertain.decision == "uncertain" and sure.decision == "Hopper" and not uncertain.doubts
    assert [one.code for one in uncertain.rests_on] == ["mask"] and uncertain.rests_on[0].rate is not None
    assert [uncertain.candidates[0].sample] == [row.number for row in list_samples(tmp_path / "g", "Collins")]
    assert (report.known, report.uncertain) == (1, 1)
    blind = identify(tmp_path / "g", probes[:1], fmr=1e-2, scope="ignore")
    assert blind.images[0].people[0].decision == "Collins", "whoever ignores the scope ignores that of samples too"


def test_a_poor_portrait_is_enrolled_with_a_warning_or_refused_on_demand(tmp_path: Path, collins: Image) -> None:
    (tmp_path / "set" / "Collins").mkdir(parents=True)
    Pillow.fromarray((collins * 0.2).astype(np.uint8)).save(tmp_path / "set" / "Collins" / "dark.png")
    (warned,) = enrol(tmp_path / "warned", tmp_path / "set").enrolments
    assert warned.status == "enrolled" and "tones" in [one.code for one in warned.doubts]
    assert [one.code for one in list_samples(tmp_path / "warned", "Collins")[0].doubts] == [
        one.code for one in warned.doubts
    ]
    found = identify(tmp_path / "warned", [array_item("collins", collins)], fmr=1e-2).images[0].people[0]
    assert found.decision == "Collins", "no rate is known to fail for it"
    report = enrol(tmp_path / "demanded", tmp_path / "set", scope="demand")
    assert report.rejected and report.rejected[0].status == "poor portrait"
    assert "too dark or too flat" in report.rejected[0].detail and "--scope warn" in report.rejected[0].detail
    assert enrol(tmp_path / "ignored", tmp_path / "set", scope="ignore").doubtful == ()


def test_grey_faces_are_searched_where_their_known_rate_holds(people: Path, tmp_path: Path, collins: Image) -> None:
    enrol(tmp_path / "g", people)
    grey = np.repeat(cv2.cvtColor(collins, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    (person,) = identify(tmp_path / "g", [array_item("grey", grey)], fmr=1e-4).images[0].people
    assert [one.code for one in person.doubts] == ["grey"] and person.doubts[0].rate is not None
    assert (person.decision == "Collins") is person.doubts[0].holds


def test_only_the_face_that_counts_is_measured(collins: Image) -> None:
    twins = array_item("twins", np.concatenate([collins, collins[:, ::-1]], axis=1))
    pipeline = open_pipeline()
    analyses = pipeline.analyse_chunk([twins, array_item("wall", np.zeros((90, 90, 3), np.uint8))], cutouts=True)
    counts = {only: [len(one.scopes) for one in measured(analyses, "warn", 2, only)] for only in (None, Policy())}
    assert counts == {None: [2, 0], Policy(): [1, 0]}
    assert [one.scopes for one in measured(analyses, "ignore", 2)] == [(), ()]


def test_the_rates_of_an_enrolment_are_those_of_identification(monkeypatch: pytest.MonkeyPatch) -> None:
    card = store.load("dlib-resnet").card
    assert card_threshold(card) == card.threshold(1e-4)
    monkeypatch.setenv("MIEN_IDENTIFICATION_FMR", "1e-2")
    assert card_threshold(card) == card.threshold(1e-2)
    monkeypatch.setenv("MIEN_IDENTIFICATION_FMR", "0.3")
    assert card_threshold(card) == card.threshold(1e-4)
    assert card_threshold(card.model_copy(update={"thresholds": ()})) is None


def test_an_image_whose_scope_cannot_be_measured_for_an_odd_reason_harms_no_other(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted((people / "Collins").iterdir())
    analyses = list(open_pipeline().analyse(paths, cutouts=True))
    calls: list[int] = []

    def odd(analysis: Analysis) -> tuple[Scope, ...]:
        calls.append(1)
        if analysis.name == str(paths[0]):
            raise MemoryError
        return find_scopes(analysis)

    monkeypatch.setattr("mien.gallery.scoping.find_scopes", odd)
    bad, good = measured(analyses, "warn", 1)
    assert "needs more memory" in str(bad.analysis.error) and bad.scopes == ()
    assert good.analysis.error is None and len(good.scopes) == 1 and len(calls) == 2
