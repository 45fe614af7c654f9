"""One policy for every caller: which face counts, and why an image has none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.data.cropping import CropSettings, crop_samples
from mien.data.sample import Sample
from mien.models.defaults import DEFAULT_RECOGNIZER
from mien.pipeline import Pipeline, Policy, Refused, array_item, bytes_item, choose, file_item, open_pipeline
from mien.portrait.examine import Examiner
from mien.types import Box, Face, Faces, Image, floats


def face(x: float, side: float) -> Face:
    box = Box(x - side / 2, 50 - side / 2, x + side / 2, 50 + side / 2)
    return Face(box, 1.0, floats([[x, 50]] * 5))


def test_the_most_prominent_face_counts_and_a_rival_is_refused_on_request() -> None:
    two = (face(30, 30), face(70, 29))
    assert choose(two, 100, 100, Policy()) == 0
    refused = choose(two, 100, 100, Policy("reject"))
    assert isinstance(refused, Refused) and refused.status == "several faces"
    assert refused.sentence("a.jpg").startswith("a.jpg shows 2 faces")
    assert choose((face(50, 40), face(5, 10)), 100, 100, Policy("reject")) == 0


def test_no_face_is_refused_and_a_box_decides_alone() -> None:
    refused = choose((), 100, 100, Policy())
    assert isinstance(refused, Refused) and refused.status == "no face"
    two = (face(50, 40), face(10, 15))
    assert choose(two, 100, 100, Policy("reject"), Box(3, 43, 17, 57)) == 1
    refused = choose(two, 100, 100, Policy(), Box(80, 0, 99, 20))
    assert isinstance(refused, Refused) and refused.status == "no face" and "given box" in refused.detail


@pytest.mark.parametrize(("left", "found"), [(50, True), (51, False)])
def test_a_face_partly_in_the_box_is_the_given_one_from_an_overlap_of_30_percent(left: int, found: bool) -> None:
    """A face of 20 x 20 pixels from x = 40 on: the IoU is (60 - left) / (left - 20), 0.333 at 50 and 0.290 at 51."""
    chosen = choose((face(50, 20),), 100, 100, Policy(), Box(left, 40, left + 20, 60))
    assert (chosen == 0) is found


def test_a_loose_box_does_not_reject_the_only_face_in_it() -> None:
    whole = Box(0, 0, 100, 100)
    assert choose((face(50, 20),), 100, 100, Policy("reject"), whole) == 0
    assert choose((face(50, 20), face(10, 20)), 100, 100, Policy("reject"), Box(30, 0, 100, 100)) == 0
    rivals = (face(40, 20), face(60, 20))
    refused = choose(rivals, 100, 100, Policy("reject"), whole)
    assert isinstance(refused, Refused) and refused.status == "several faces" and "in the given box" in refused.detail
    assert choose(rivals, 100, 100, Policy("largest"), Box(31, 0, 100, 100)) == 1, "the nearer to the box's middle"
    tight = choose((face(50, 40),), 100, 100, Policy(), Box(45, 45, 55, 55))
    assert isinstance(tight, Refused), "a box in a face is not a loose one"


class _Degenerate:
    """A detector whose largest, or smallest, face has its landmarks in one point."""

    name, longest, min_score = "degenerate", 640, 0.5

    def __init__(self, real: Faces, place: int, width: int) -> None:
        bad = replace(real[0], landmarks=real[0].landmarks * 0 + 50)
        moved = replace(bad, box=Box(0, 0, width / 8, width / 8))
        self.faces = (bad, replace(real[0], box=moved.box)) if place == 0 else (real[0], moved)

    def detect(self, images: list[Image]) -> list[Faces]:
        return [self.faces for _ in images]


@pytest.fixture(scope="module")
def opened() -> Pipeline:
    return open_pipeline()


@pytest.mark.parametrize("place", [0, 1])
def test_a_face_with_degenerate_landmarks_beside_a_good_one(
    opened: Pipeline, hopper: Image, hopper_path: Path, place: int
) -> None:
    """The pipeline, crops, audits and the API decide the same: the good face is found, and no bystander is taken."""
    real = opened.detector.detect([hopper])[0][:1]
    detector = _Degenerate(real, place, hopper.shape[1])
    pipeline = Pipeline(detector, opened.recognizer)
    (found,) = pipeline.analyse([hopper_path])
    assert len(found.faces) == len(found.embeddings) == len(found.crops) == 1 and len(found.unaligned) == 1
    chosen = found.choose(Policy())
    assert isinstance(chosen, Refused) if place == 0 else chosen == 0

    recognizer = opened.recognizer
    assert recognizer is not None
    spec = CropSettings(template=recognizer.template, size=recognizer.size, policy=Policy())
    (crop,) = crop_samples([Sample(hopper_path, "x")], detector, spec)
    assert crop.status == ("no face" if place == 0 else "written")
    if place == 1:
        assert np.array_equal(crop.crop, found.crops[0])

    examined = Examiner(detector, recognizer).item(file_item(hopper_path))
    assert (examined.chip is None) is (place == 0)
    if place == 1:
        assert np.array_equal(examined.embedding, found.embeddings[0])


def test_identifying_among_degenerate_landmarks_raises_no_undocumented_error(
    opened: Pipeline, hopper: Image, hopper_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = _Degenerate(opened.detector.detect([hopper])[0][:1], 1, hopper.shape[1])
    monkeypatch.setattr("mien.api._pipeline", lambda *_: Pipeline(detector, opened.recognizer))
    gallery = mien.Gallery.create(tmp_path / "g.gallery", mien.load_card(DEFAULT_RECOGNIZER))
    (tmp_path / "people" / "Hopper").mkdir(parents=True)
    (tmp_path / "people" / "Hopper" / "1.jpg").write_bytes(hopper_path.read_bytes())
    assert [one.status for one in mien.enrol_folder(gallery, tmp_path / "people")] == ["enrolled"]
    results = mien.identify_faces(gallery, hopper)
    gallery.close()
    assert [one.subject for _, one in results] == ["Hopper"]


def test_a_file_its_bytes_and_its_pixels_give_the_same(
    opened: Pipeline, hopper_path: Path, collins_path: Path
) -> None:
    for path in (hopper_path, collins_path):
        items = [
            file_item(path),
            bytes_item("bytes", path.read_bytes()),
            array_item("array", mien.read_image(path)),
        ]
        a, b, c = opened.analyse_chunk(items, cutouts=True)
        assert len(a.faces) > 0 and a.sha256 == b.sha256 != c.sha256
        for other in (b, c):
            assert len(other.faces) == len(a.faces)
            assert np.allclose(other.embeddings, a.embeddings, atol=1e-5)
            assert all(
                np.allclose(x.landmarks, y.landmarks, atol=1e-3) for x, y in zip(a.faces, other.faces, strict=True)
            )
