"""An 8-bit copy of a detector finds the original's faces, is a model of its own, and is refused where it does not."""

from pathlib import Path

import numpy as np
import pytest

from mien.detect.families import open_detector
from mien.errors import CardError
from mien.geometry import corners, iou
from mien.image import read_image
from mien.library import quantize_detector as module
from mien.library.quantize import quantize
from mien.library.quantize_detector import agreement
from mien.models import store
from mien.save_image import encode_to
from mien.types import Box, Face, Faces, Image, floats


def face(x: float, y: float, side: float = 40.0, shift: float = 0.0) -> Face:
    points = floats([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]) * np.float32(side)
    return Face(Box(x, y, x + side, y + side), 0.9, floats(points + floats([x + shift, y])))


def test_agreement_counts_faces_that_both_find_and_their_landmarks() -> None:
    before: list[Faces] = [(face(0, 0), face(100, 0)), (), (face(0, 0),)]
    after: list[Faces] = [(face(1, 0, shift=1.0),), (face(5, 5),), (face(0, 0),)]
    found = agreement(before, after)
    # Both find 2; the original alone 1, the copy alone 1. Landmarks: 2 pixels of 40, and 0.
    assert (found.faces, found.share) == (3, 2 / 4)
    assert found.shift == pytest.approx((2 / 40 + 0) / 2)
    assert not found.is_near


def test_a_copy_without_any_face_is_not_near() -> None:
    assert not agreement([(), ()], [(), ()]).is_near
    assert agreement([(face(0, 0),)], [(face(0, 0),)]).is_near
    assert not agreement([(face(0, 0),)], [(face(0, 0, shift=1.0),)]).is_near


@pytest.fixture
def photographs(tmp_path: Path, collins: Image, hopper_path: Path) -> list[Path]:
    """Sixteen small photographs of two people."""
    paths = []
    for number in range(16):
        image = collins[:300, 80:400] if number % 2 else read_image(hopper_path)[: 400 + number, ::2][::2]
        paths.append(tmp_path / f"{number:02d}.png")
        encode_to(paths[-1], np.ascontiguousarray(image[number % 5 :, number % 7 :][::2, ::2]))
    return paths


@pytest.mark.filterwarnings("ignore")
def test_an_8_bit_copy_of_a_detector_finds_the_same_face(photographs: list[Path], collins: Image) -> None:
    pytest.importorskip("onnxruntime")
    model = store.load("mien-face")
    copy = quantize(model, photographs, "mien-face-8")
    assert copy.card.kind == "detector" and copy.card.files != model.card.files
    assert "are found by both" in copy.card.accuracy[0].figure
    (one,), (other,) = (open_detector(name).detect([collins])[0] for name in ("mien-face", "mien-face-8"))
    assert iou(corners([one.box]), corners([other.box]))[0, 0] > 0.8
    store.remove("mien-face-8")


def test_a_copy_that_finds_other_faces_is_refused(photographs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    model = store.load("mien-face")
    data = (model.folder / "model.onnx").read_bytes()
    monkeypatch.setattr(module, "quantize_network", lambda *given: (data, 16))
    monkeypatch.setattr(module, "MIN_AGREEMENT", 1.01)
    with pytest.raises(CardError, match=r"no 8-bit copy of mien-face is near enough: 100\.0% of the faces"):
        quantize(model, photographs, "mien-face-8")
    assert not store.is_stored("mien-face-8")


def test_too_few_photographs_and_detectors_of_several_networks_are_refused(photographs: list[Path]) -> None:
    with pytest.raises(CardError, match="3 photographs are too few"):
        quantize(store.load("mien-face"), photographs[:3])
    with pytest.raises(CardError, match="mtcnn has several networks"):
        quantize(store.load("mtcnn"), photographs)
