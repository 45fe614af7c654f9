"""Samples to crops: what is known of a face decides, and why a sample has no crop is said."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien.align import align
from mien.data.cropping import CropSettings, crop_samples
from mien.data.sample import Sample
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.image import read_image
from mien.pipeline import ImageFaces, Policy, refine
from mien.templates import TEMPLATES
from mien.types import Image

TEMPLATE = TEMPLATES["arcface"](112)


def spec(**policy: object) -> CropSettings:
    return CropSettings(template=TEMPLATE, size=112, policy=Policy(**policy))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return open_detector()


def test_known_landmarks_are_in_pixels_of_the_full_image(detector: Detector, hopper: Image, tmp_path: Path) -> None:
    """A file that a detector would see reduced is decoded in full where the landmarks are known."""
    large = cv2.resize(hopper, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "large.jpg"
    Pillow.fromarray(large).save(path, quality=95)
    landmarks = detector.detect([hopper])[0][0].landmarks * 6
    (one,) = crop_samples([Sample(path, "x", landmarks=landmarks)], detector, spec())
    assert one.status == "written"
    assert np.array_equal(one.crop, align(read_image(path), landmarks, TEMPLATE, 112))


@pytest.mark.parametrize(("limit", "status"), [(1.3, "too small"), (2.0, "written")])
def test_a_face_is_too_small_beyond_the_limit_of_magnification(
    detector: Detector, hopper: Image, tmp_path: Path, limit: float, status: str
) -> None:
    path = tmp_path / "small.png"
    Pillow.fromarray(cv2.resize(hopper, None, fx=0.33, fy=0.33, interpolation=cv2.INTER_AREA)).save(path)
    (one,) = crop_samples([Sample(path, "x")], detector, spec(max_magnification=limit))
    assert one.status == status
    assert one.crop is not None or "would magnify the image 1." in one.detail


def test_rivals_are_refused_only_where_the_policy_says_so(detector: Detector, hopper: Image, tmp_path: Path) -> None:
    path = tmp_path / "two.png"
    Pillow.fromarray(np.hstack([hopper, hopper[:, ::-1]])).save(path)
    sample = Sample(path, "x")
    (refused,) = crop_samples([sample], detector, spec(multiple_faces="reject"))
    (taken,) = crop_samples([sample], detector, spec(multiple_faces="largest"))
    assert refused.status == "several faces" and "shows 2 faces" in refused.detail
    assert taken.status == "written" and refused.sha256 == taken.sha256 != ""


def test_order_and_reasons_are_kept(detector: Detector, hopper_path: Path, tmp_path: Path) -> None:
    Pillow.new("RGB", (200, 200), (90, 90, 90)).save(tmp_path / "wall.png")
    (tmp_path / "cut.jpg").write_bytes(hopper_path.read_bytes()[:3000])
    names = [tmp_path / "wall.png", hopper_path, tmp_path / "cut.jpg", tmp_path / "none.jpg"]
    found = crop_samples([Sample(path, "x") for path in names], detector, spec())
    assert [one.status for one in found] == ["no face", "written", "broken", "broken"]
    assert found[2].detail.startswith(str(names[2])) and found[2].sha256 == ""


def test_a_sample_that_cannot_be_cropped_for_an_odd_reason_harms_no_other(
    detector: Detector, collins_path: Path, hopper_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(found: ImageFaces, *rest: object) -> ImageFaces:
        if found.loaded.item.name == str(collins_path):
            raise MemoryError
        return refine(found, *rest)

    monkeypatch.setattr("mien.data.cropping.refine", odd)
    bad, good = crop_samples([Sample(path, "x") for path in (collins_path, hopper_path)], detector, spec())
    assert (bad.status, good.status) == ("broken", "written")
    assert bad.detail.startswith(f"{collins_path} needs more memory")


def test_a_cutout_is_made_where_it_is_asked_for(detector: Detector, hopper: Image, tmp_path: Path) -> None:
    """A large file is detected in a reduced copy, and its face is in pixels of the file all the same."""
    path = tmp_path / "large.jpg"
    Pillow.fromarray(cv2.resize(hopper, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)).save(path, quality=95)
    (plain,) = crop_samples([Sample(path, "x")], detector, spec())
    (one,) = crop_samples([Sample(path, "x")], detector, replace(spec(), cutouts=True))
    assert plain.cutout is None and plain.face is None
    assert one.cutout is not None and one.face is not None
    small = detector.detect([hopper])[0][0]
    assert one.face.box.width == pytest.approx(6 * small.box.width, rel=0.05)
    assert max(one.cutout.image.shape[:2]) <= 360
