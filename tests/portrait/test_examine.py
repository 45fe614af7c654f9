"""The way of a portrait: broken files keep their hash, and the face that may be meant instead is embedded too."""

import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien.errors import ModelError
from mien.models.defaults import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER
from mien.pipeline import ImageFaces, Pipeline, array_item, file_item, refine
from mien.portrait.examine import DECODED, Examined, Examiner, open_examiner
from mien.types import Box, Faces, Image


@pytest.fixture(scope="module")
def embedding_examiner() -> Examiner:
    return open_examiner(DEFAULT_DETECTOR, DEFAULT_RECOGNIZER)


def test_a_broken_file_keeps_its_hash_and_a_missing_one_has_none(examiner: Examiner, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 cut")
    first, second = examiner.items([file_item(broken), file_item(tmp_path / "none.jpg")])
    assert first.sha256 == hashlib.sha256(broken.read_bytes()).hexdigest() and "broken.jpg" in first.error
    assert second.sha256 == "" and "none.jpg does not exist" in second.error
    assert first.measures is None and second.portrait is None


class _Pair:
    """Finds a face of a fixed share of the first one's area besides it."""

    name, longest, min_score = "pair", 640, 0.5

    def __init__(self, faces: Faces, share: float) -> None:
        first = replace(faces[0], box=Box(100, 100, 300, 300))
        side = 200 * share**0.5
        self.faces = (first, replace(first, box=Box(0, 0, side, side), score=0.6))

    def detect(self, images: list[Image]) -> list[Faces]:
        return [self.faces for _ in images]


@pytest.mark.parametrize(("share", "meant"), [(0.24, False), (0.26, True)])
def test_a_second_face_may_be_meant_from_a_quarter_of_the_first_ones_area(
    embedding_examiner: Examiner, hopper: Image, share: float, meant: bool
) -> None:
    detector = _Pair(embedding_examiner.detector.detect([hopper])[0], share)
    one = Examiner(detector, embedding_examiner.recognizer).item(array_item("x", hopper))
    assert one.embedding is not None and (one.other is not None) is meant


def test_a_small_face_is_embedded_from_the_full_size_as_everywhere(
    embedding_examiner: Examiner, hopper: Image, tmp_path: Path
) -> None:
    """Measures see the reduced image; the embedding is the one that enrolment and identification would give."""
    wall = np.full((2600, 3600, 3), 120, np.uint8)
    small = cv2.resize(hopper, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    wall[1000 : 1000 + small.shape[0], 1600 : 1600 + small.shape[1]] = small
    Pillow.fromarray(wall).save(tmp_path / "wall.jpg", quality=95)
    one = embedding_examiner.item(file_item(tmp_path / "wall.jpg"))
    assert one.portrait is not None and DECODED <= max(one.portrait.image.shape) < 3600
    same = Pipeline(embedding_examiner.detector, embedding_examiner.recognizer)
    (found,) = same.analyse([tmp_path / "wall.jpg"])
    assert one.embedding is not None
    assert np.linalg.norm(one.embedding - found.embeddings[0]) < 0.1


def test_without_a_recognizer_nothing_is_embedded(examiner: Examiner, hopper: Image) -> None:
    one = examiner.item(array_item("one", hopper))
    assert one.embedding is None and one.other is None


def test_landmarks_are_in_pixels_of_the_file(examiner: Examiner, hopper: Image) -> None:
    one = examiner.item(array_item("one", hopper))
    portrait = one.portrait
    larger = replace(one, portrait=replace(portrait, width=2 * portrait.width, height=2 * portrait.height))
    assert larger.landmarks == pytest.approx(2 * one.landmarks)
    assert replace(one, portrait=replace(portrait, chosen=None)).landmarks is None


def test_a_photograph_that_cannot_be_measured_for_an_odd_reason_harms_no_other(
    examiner: Examiner, collins_path: Path, hopper_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, first = Examiner.measure, file_item(collins_path)

    def odd(self: Examiner, portrait: object, name: str, sha256: str = "") -> Examined:
        if name == first.name:
            cv2.resize(np.zeros((5, 5), np.uint8), (0, 0))
        return measure(self, portrait, name, sha256)

    monkeypatch.setattr(Examiner, "measure", odd)
    bad, good = examiner.items([first, file_item(hopper_path)])
    assert bad.error.startswith(f"{first.name} could not be processed") and bad.measures is None
    assert good.error == "" and good.measures


def test_a_model_that_cannot_be_used_is_not_a_fault_of_the_photographs(
    examiner: Examiner, hopper_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ModelError("the model is damaged")

    monkeypatch.setattr(Examiner, "measure", refuse)
    with pytest.raises(ModelError):
        examiner.item(file_item(hopper_path))


def test_a_photograph_that_cannot_be_read_again_for_its_embedding_harms_no_other(
    embedding_examiner: Examiner, collins_path: Path, hopper_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def odd(found: ImageFaces, *rest: object) -> ImageFaces:
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError
        return refine(found, *rest)

    monkeypatch.setattr("mien.portrait.examine.refine", odd)
    bad, good = embedding_examiner.items([file_item(collins_path), file_item(hopper_path)])
    assert "needs more memory" in bad.error and bad.embedding is None
    assert good.error == "" and good.embedding is not None
