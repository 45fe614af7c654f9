"""Every detector on real portraits: found, upright, whatever the size, alone or in a batch."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.errors import CardError, ModelNotFoundError
from mien.image import decode, read_image
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.models.options import DEFAULT_OPTIONS
from mien.types import Face, Image

COLLINS = np.array([[203.5, 101.5], [246, 103.5], [225, 127], [203, 140], [244, 140]])
"""Eileen Collins's landmarks, read off the portrait by eye, to about two pixels."""


NETWORKS = {"scrfd": "scrfd_2.5g_bnkps.onnx", "yunet": "yunet_n_dynamic.onnx"}


@pytest.fixture(scope="module", params=["mtcnn", "haar", "dlib-hog", "scrfd", "yunet"])
def detector(request: pytest.FixtureRequest) -> Detector:
    name = request.param
    if name in NETWORKS:
        data: Path = request.getfixturevalue("data")
        store.save(*import_model((data / "models" / NETWORKS[name]).read_bytes(), name, ModelHints()))
    if name == "dlib-hog":
        pytest.importorskip("dlib")
    return open_detector(name)


def error(face: Face) -> float:
    """Mean landmark distance over the distance between the eyes."""
    return float(np.linalg.norm(face.landmarks - COLLINS, axis=1).mean() / np.linalg.norm(COLLINS[1] - COLLINS[0]))


def test_a_portrait_is_found_with_its_landmarks(detector: Detector, collins: Image) -> None:
    best = detector.detect([collins])[0][0]
    assert error(best) < 0.15
    assert best.landmarks.shape == (5, 2) and best.landmarks.dtype == np.float32
    assert 0 < best.score <= 1
    left_eye, right_eye, nose, left_mouth, right_mouth = best.landmarks
    assert left_eye[0] < nose[0] < right_eye[0] and left_eye[1] < nose[1] < left_mouth[1]
    assert left_mouth[0] < right_mouth[0]
    box = best.box
    assert box.x1 < left_eye[0] and box.x2 > right_eye[0] and box.y1 < left_eye[1] and box.y2 > left_mouth[1]


def test_a_batch_gives_what_each_image_gives_alone(detector: Detector, collins: Image, hopper: Image) -> None:
    images = [collins, hopper, np.zeros((100, 80, 3), np.uint8), collins[:, ::-1].copy(), hopper[:300]]
    together = detector.detect(images)
    assert len(together) == len(images)
    for image, faces in zip(images, together, strict=True):
        alone = detector.detect([image])[0]
        assert len(alone) == len(faces)
        for one, other in zip(alone, faces, strict=True):
            assert np.allclose(one.landmarks, other.landmarks, atol=2.0)
    assert together[2] == ()


def test_no_face_in_noise_or_nothing(detector: Detector) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    for image in (noise, np.zeros((1, 1, 3), np.uint8), np.full((7, 900, 3), 128, np.uint8)):
        assert detector.detect([image])[0] == ()
    assert detector.detect([]) == []


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5, 0.75, 1.0])
def test_never_miss_a_portrait(
    share: float, collins: Image, request: pytest.FixtureRequest, detector: Detector
) -> None:
    """Face heights from 5% to 100% of the image height (about 115 pixels in the portrait)."""
    if detector.name in ("haar", "dlib-hog"):
        pytest.skip("a peer to compare with; the promise is for SCRFD, YuNet and MTCNN")
    scene, scale, offset = make_scene(collins, share)
    faces = detector.detect([scene])[0]
    expected = COLLINS * scale + offset
    errors = [np.linalg.norm(face.landmarks - expected, axis=1).mean() / (43 * scale) for face in faces]
    assert errors and min(errors) < 0.3


def make_scene(portrait: Image, share: float) -> tuple[Image, float, np.ndarray]:
    """A 960x1280 photograph in which the face has a share of the height."""
    scale = share * 1280 / 115
    offset = np.array([480, 640 if share > 0.6 else 540]) - scale * np.array([224, 122])
    matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
    border = cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(portrait, matrix, (960, 1280), borderMode=border), np.uint8), scale, offset


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_found(orientation: int, collins: Image, turns: dict) -> None:
    stored = turns[orientation](collins)
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(stored)).save(out, "JPEG", quality=92, exif=exif)
    faces = open_detector().detect([decode(out.getvalue(), "x").image])[0]
    assert error(faces[0]) < 0.15


def test_unknown_and_unfit_names_are_refused() -> None:
    with pytest.raises(ModelNotFoundError, match="no model 'nobody'"):
        open_detector("nobody")
    with pytest.raises(CardError, match="is a recognizer, not a detector"):
        open_detector("dlib-resnet")


@pytest.mark.real
def test_the_second_pass_finds_what_the_first_misses(data: Path, collins: Image) -> None:
    """SCRFD without the schedule misses a face that fills the frame (insightface #1518); with it, it does not."""
    from mien.detect.one_stage import OneStage
    from mien.detect.schedule import PASSES
    from mien.detect.scrfd import SCRFD

    model = store.save(*import_model((data / "models" / NETWORKS["scrfd"]).read_bytes(), "scrfd", ModelHints()))
    scene, scale, offset = make_scene(collins, 1.0)
    aim = COLLINS * scale + offset

    def found(passes: tuple) -> bool:
        faces = OneStage(model, SCRFD, DEFAULT_OPTIONS, passes=passes).detect([scene])[0]
        return any(np.linalg.norm(face.landmarks - aim, axis=1).mean() < 0.3 * 43 * scale for face in faces)

    assert not found(PASSES[:1]) and found(PASSES)


@pytest.mark.real
def test_recall_on_lfw(data: Path, tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(data / "lfw" / "lfw-deepfunneled.tar") as tar:
        members = []
        for member in tar:
            if member.name.endswith("_0001.jpg"):
                members.append(member)
            if len(members) == 60:
                break
        images = [decode(tar.extractfile(member).read(), member.name).image for member in members]  # type: ignore[union-attr]
    found = open_detector().detect(images)
    central = [
        any(abs((f.box.x1 + f.box.x2) / 2 - 125) < 40 and abs((f.box.y1 + f.box.y2) / 2 - 125) < 40 for f in faces)
        for faces in found
    ]
    assert sum(central) >= 59


@pytest.mark.parametrize("detector", ["dlib-hog", "haar", "mtcnn"])
def test_a_detector_that_is_shared_by_threads_gives_what_one_thread_gets(detector: str, hopper_path: Path) -> None:
    """dlib's detector corrupted the heap when two threads were in it."""
    if detector.startswith("dlib"):
        pytest.importorskip("dlib", reason="dlib is an extra")
    opened = open_detector(detector)
    # Half the size: what goes wrong between threads depends on how many searches overlap, not on their pixels.
    image = cv2.resize(read_image(hopper_path), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    images = [np.ascontiguousarray(image[shift:, shift:]) for shift in range(0, 40, 10)]
    alone = [opened.detect([one])[0] for one in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: opened.detect([one])[0], images * 4))
    assert all(alone)
    for index, faces in enumerate(together):
        assert [face.box for face in faces] == [face.box for face in alone[index % 4]]
