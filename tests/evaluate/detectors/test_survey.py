"""A survey of detectors: what a plan refuses, what one process measures, and what becomes of one that ends."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from mien.errors import ManifestError
from mien.evaluate.detectors import survey as module
from mien.evaluate.detectors import timing
from mien.evaluate.detectors.identity import DetectorIdentity
from mien.evaluate.detectors.spoken import Stopped
from mien.evaluate.detectors.survey import Surveyed, make_plan, measure, survey
from mien.evaluate.detectors.timing import BATCHES, SIZES, Timing
from mien.progress import Progress


@pytest.fixture
def pictures(tmp_path: Path, hopper_path: Path) -> Path:
    """Grace Hopper, and a file that is broken."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    Pillow.open(hopper_path).resize((256, 300)).save(folder / "hopper.jpg", quality=95)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "TIMED", 1)


def test_a_plan_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="does not hold images"):
        make_plan(images=tmp_path)
    for missing in ("portraits", "video"):
        with pytest.raises(ManifestError, match="gone does not exist"):
            make_plan(**{missing: tmp_path / "gone"})  # type: ignore[arg-type]


def test_the_first_image_of_each_set_is_shown_where_none_are_named(annotated: Path, pictures: Path) -> None:
    assert [path.name for path in make_plan([annotated]).shown] == ["grace_hopper.jpg"]
    assert [path.name for path in make_plan([annotated], images=pictures).shown] == ["broken.jpg", "hopper.jpg"]


def test_four_sizes_are_timed_one_by_one_and_in_batches() -> None:
    assert make_plan().sizes == SIZES == ((320, 240), (640, 480), (1280, 720), (1920, 1080)) and BATCHES == (1, 8)
    assert make_plan(sizes=[(64, 48)]).sizes == ((64, 48),)


def test_one_detector_is_measured_whole(annotated: Path, pictures: Path, quick: None) -> None:
    plan = make_plan([annotated], portraits=pictures, images=pictures, sizes=[(160, 120)])
    found = measure("mtcnn", plan)
    assert found.fault == "" and found.name == "mtcnn" and found.identity.parameters == 495_850
    assert [(one.width, one.height, one.batch) for one in found.timings] == [(160, 120, 1), (160, 120, 8)]
    assert found.start > 0 and found.memory > 50 and found.frames_per_second is None
    (report,) = found.reports.values()
    assert report.numbers["ap"].value == 1 and report.galleries == () and report.charts == ()
    assert report.about.samples == 2, "an image without a face counts, one that is broken does not"
    (filling,) = found.filling.values()
    assert filling.count == 3
    assert found.central is not None and found.central.found.count == 1


def test_an_image_that_cannot_be_read_harms_no_other(annotated: Path, pictures: Path, quick: None) -> None:
    """It was enough to break the measurement of every detector that a shown image was broken."""
    found = measure("haar", make_plan([annotated], portraits=pictures, images=pictures, sizes=[(64, 48)]))
    assert found.fault == "" and [Path(path).name for path in found.shown] == ["hopper.jpg"]
    assert len(found.shown[str(pictures / "hopper.jpg")]) == 1
    broken = sorted({problem.where for problem in found.problems})
    assert [Path(where).name for where in broken] == ["broken.jpg", "broken.jpg"], "of the set and of the folder"
    assert len(found.problems) == 2, "the folder's is named once, though it is both a portrait and shown"
    assert all("broken" in problem.reason for problem in found.problems)


def test_a_detector_that_is_not_there_has_a_fault(pictures: Path) -> None:
    found = measure("nothere", make_plan(images=pictures))
    assert "no model 'nothere'" in found.fault and found.timings == () and found.reports == {}


def answering(*answers: Any) -> Callable[..., Iterator[Any]]:
    """A process that says some things."""
    return lambda work, arguments, seconds: iter(answers)


def part(**values: Any) -> Surveyed:
    return Surveyed(name="haar", identity=DetectorIdentity(weights="", licence=""), **values)


def test_a_process_that_ends_early_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "spoken_by", answering())
    seen, kept = list[Progress](), list[list[str]]()
    found = survey(
        ["haar", "mtcnn"],
        make_plan(),
        on_surveyed=lambda done: kept.append([one.name for one in done]),
        on_progress=seen.append,
    )
    assert [(one.name, "memory ran out" in one.fault) for one in found] == [("haar", True), ("mtcnn", True)]
    assert [(step.done, step.total) for step in seen] == [(1, 2), (2, 2)]
    assert kept == [["haar"], ["haar", "mtcnn"]], "what is done can be kept before the next one begins"


def test_what_was_measured_before_a_detector_was_stopped_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    first = (part(timings=(Timing(640, 480, 1, 5.0, 6.0),)), False)
    for last, words in (([Stopped()], "stopped after 60 seconds"), ([], "ended early")):
        monkeypatch.setattr(module, "spoken_by", answering(first, *last))
        (found,) = survey(["haar"], make_plan(quick=True))
        assert found.fault == "" and words in found.unfinished and len(found.timings) == 1
    monkeypatch.setattr(module, "spoken_by", answering(Stopped()))
    (found,) = survey(["haar"], make_plan())
    assert found.fault == "stopped after 900 seconds"


def test_every_part_is_said_as_soon_as_it_is_measured(annotated: Path, quick: None) -> None:
    parts: list[Surveyed] = []
    whole = measure("haar", make_plan([annotated], sizes=[(64, 48)]), on_part=parts.append)
    assert [(len(one.timings), len(one.reports)) for one in parts] == [(0, 0), (1, 0), (2, 0), (2, 1)]
    assert whole.timings == parts[-1].timings and parts[-1].memory > 0


def test_a_quick_plan_has_one_size_and_few_images() -> None:
    plan = make_plan(quick=True)
    assert plan.sizes == ((640, 480),) and plan.max_images == 40 and plan.budget.batches == (1,)
    assert plan.budget.limit == 60 and make_plan(quick=True, max_images=7).max_images == 7


@pytest.mark.slow
def test_each_detector_has_a_process_of_its_own() -> None:
    (found,) = survey(["nothere"], make_plan())
    assert isinstance(found, Surveyed) and "no model 'nothere'" in found.fault


def test_a_slow_detector_sees_fewer_images() -> None:
    def timed(milliseconds: float, size: tuple[int, int] = (640, 480)) -> Timing:
        return Timing(*size, 1, milliseconds, milliseconds)

    assert module.affordable(200, [timed(450), timed(900)]) == 100, "the slower of both batches, 90 seconds"
    assert module.affordable(200, [timed(9000, (1920, 1080)), timed(10)]) == 200, "images of 640x480 count"
    assert module.affordable(200, []) == 200
