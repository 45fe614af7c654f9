"""Samples: measured as portraits, the best kept, and what does not count kept out with its reason."""

import numpy as np
import pytest

from mien.align import cut_out
from mien.detect.families import open_detector
from mien.scope import Doubt, find_scope
from mien.types import Box, Face, Image
from mien.watch.samples import LONG_PAUSE, MAX_SAMPLES, Measured, Sample, SampleBook, measure_face
from watch.conftest import face, threshold


def measured(worth: float, at: float = 0.0, code: str = "") -> Measured:
    doubts = (Doubt(code=code, value=1.0, rate=None, holds=False, fmr=None),) if code else ()
    return Measured(at=at, face=face(0), worth=worth, doubts=doubts, thumbnail=np.zeros((1, 1, 3), np.uint8))


def test_the_best_are_kept_whenever_they_come() -> None:
    book = SampleBook()
    for place, worth in enumerate(np.random.default_rng(0).permutation(50)):
        one = measured(float(worth), place)
        if book.count(one):
            book.add(Sample(one, np.zeros(4, np.float32)))
    assert [one.measured.worth for one in book.samples] == [float(v) for v in range(49, 29, -1)]
    assert book.measured == 50 and len(book.samples) == MAX_SAMPLES
    assert not book.count(measured(10)), "a worse one is not worth an embedding"


def test_what_does_not_count_is_no_sample_and_its_reasons_are_counted() -> None:
    book = SampleBook()
    assert not any(book.count(measured(90, code=code)) for code in ("size", "pose", "pose"))
    assert [one.code for one in book.reasons()] == ["pose", "size"]


def test_faces_are_measured_less_and_less_often() -> None:
    book, at = SampleBook(), list[float]()
    for now in np.arange(0, 60, 0.04):
        if book.is_due(float(now)):
            at.append(float(now))
            book.count(measured(1, float(now)))
    assert np.diff(at)[0] < 0.2 and len(at) < 60
    assert np.diff(at)[-1] == pytest.approx(LONG_PAUSE, abs=0.05) and (np.diff(np.diff(at)) > -0.05).all()


def test_a_clock_that_jumps_back_does_not_stop_measuring() -> None:
    book = SampleBook()
    book.count(measured(1, 100.0))
    assert book.is_due(3.0)


@pytest.fixture(scope="module")
def portrait(collins: Image) -> tuple[Image, Face]:
    return collins, open_detector().detect([collins])[0][0]


def test_a_portrait_counts_and_is_worth_more_than_a_blurred_or_small_one(portrait: tuple[Image, Face]) -> None:
    import cv2

    image, one = portrait
    decides = threshold(0.5)
    good = measure_face(image, one, 1.0, decides, "warn")
    assert good.counts and good.at == 1.0 and 40 < good.worth <= 100 and good.thumbnail.size
    blurred = measure_face(np.asarray(cv2.GaussianBlur(image, (0, 0), 6), np.uint8), one, 1.0, decides, "warn")
    assert not blurred.counts and blurred.worth < good.worth
    assert measure_face(np.asarray(cv2.GaussianBlur(image, (0, 0), 6), np.uint8), one, 1.0, decides, "ignore").counts
    assert (
        tuple(one.code for one in blurred.doubts)
        == find_scope(cut_out(np.asarray(cv2.GaussianBlur(image, (0, 0), 6), np.uint8), one), one).outside
    )


def test_a_view_of_a_large_face_is_kept_small(portrait: tuple[Image, Face]) -> None:
    image, one = portrait
    big = np.repeat(np.repeat(image, 4, axis=0), 4, axis=1)
    corners = Box(4 * one.box.x1, 4 * one.box.y1, 4 * one.box.x2, 4 * one.box.y2)
    large = Face(corners, one.score, one.landmarks * np.float32(4))
    view = measure_face(big, large, 0.0, threshold(0.5), "warn").thumbnail
    assert max(view.shape[:2]) == 192 and view.std() > 20
    outside = Face(Box(-90, -90, -50, -50), one.score, one.landmarks)
    assert measure_face(image, outside, 0.0, threshold(0.5), "warn").thumbnail.size == 0


def test_a_face_without_a_pose_is_worth_nothing_and_does_not_count(portrait: tuple[Image, Face]) -> None:
    image, one = portrait
    flat = Face(one.box, one.score, np.full((5, 2), 200, np.float32))
    found = measure_face(image, flat, 0.0, threshold(0.5), "warn")
    assert found.worth == 0 and not found.counts


def test_what_scope_and_quality_both_ask_for_is_measured_once(
    portrait: tuple[Image, Face], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mien.portrait.measures import detail, mask

    calls = list[str]()
    for module, name in ((mask, "facts"), (detail, "_edges")):
        former = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *given, former=former, name=name: calls.append(name) or former(*given)
        )
    measure_face(*portrait, 0.0, threshold(0.5), "warn")
    assert sorted(calls) == ["_edges", "_edges", "facts"], "edges at two sizes, and the facts of a mask"
