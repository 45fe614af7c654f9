"""The stages as functions: what is decoded how far, detected together, and cut from which pixels."""

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from fuzz import mutants
from mien.align import align
from mien.image import Encoded, read_image
from mien.pipeline import (
    Broken,
    ImageFaces,
    Item,
    ReadOptions,
    Wanted,
    align_faces,
    array_item,
    bytes_item,
    file_item,
    find_faces,
    refine,
    to_decoded,
    to_source,
)
from mien.templates import TEMPLATES
from mien.types import Box, Face, Faces, Image, Photo, floats

TEMPLATE = TEMPLATES["arcface"](112)


class _Corner:
    """Finds one face, at a fixed share of each image."""

    name, longest, min_score = "corner", 640, 0.5

    def detect(self, images: list[Image]) -> list[Faces]:
        return [(_face(image.shape[1], image.shape[0]),) for image in images]


def _face(width: int, height: int) -> Face:
    """A face whose eyes are 1.5% of the width apart."""
    points = (TEMPLATE.points - TEMPLATE.points.mean(axis=0)) / (TEMPLATE.points[1, 0] - TEMPLATE.points[0, 0])
    landmarks = floats(points * 0.015 * width + [width / 2, height / 2])
    return Face(Box(0, 0, width / 2, height / 2), 0.9, landmarks)


def _found(path: Path, **reading: int) -> ImageFaces:
    ((one,),) = find_faces([Wanted(file_item(path))], _Corner(), ReadOptions(**reading))
    assert isinstance(one, ImageFaces)
    return one


@pytest.fixture
def large(tmp_path: Path) -> Path:
    grain = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    image = cv2.resize(grain, (3200, 2400), interpolation=cv2.INTER_NEAREST)
    Pillow.fromarray(image).save(tmp_path / "large.jpg", quality=90)
    return tmp_path / "large.jpg"


def test_a_small_face_is_cut_from_the_full_size(large: Path) -> None:
    """Eyes 48 source pixels apart are 24 apart in the reduced image, and 35 in the crop."""
    found = _found(large, longest=1280)
    assert found.loaded.photo.reduction == 2
    sharp = refine(found, found.faces, TEMPLATE)
    assert sharp.loaded.photo.reduction == 1
    assert np.allclose(sharp.faces[0].landmarks, _face(3200, 2400).landmarks, atol=0.1)
    crop, coarse = align_faces(sharp, TEMPLATE, 112)[0], align_faces(found, TEMPLATE, 112)[0]
    assert crop is not None and coarse is not None
    truth = align(read_image(large), _face(3200, 2400).landmarks, TEMPLATE, 112).astype(int)
    assert np.abs(crop - truth).mean() < 1 < np.abs(coarse - truth).mean()


def test_a_large_face_and_no_face_are_not_decoded_again(large: Path) -> None:
    found = _found(large, longest=1280)
    big = replace(found.faces[0], landmarks=(found.faces[0].landmarks - 640) * 3 + 640)
    assert refine(found, (big,), TEMPLATE).loaded is found.loaded
    assert refine(found, (), TEMPLATE).faces == ()


def test_a_known_face_is_decoded_in_full_and_not_detected(large: Path) -> None:
    ((one,),) = find_faces([Wanted(file_item(large), detect=False)], _Corner(), ReadOptions())
    assert isinstance(one, ImageFaces) and one.faces == () and one.loaded.photo.reduction == 1


def test_what_is_broken_keeps_its_place_its_name_and_its_bytes(large: Path, tmp_path: Path) -> None:
    cut = large.read_bytes()[:5000]
    items = [
        bytes_item("cut", cut),
        file_item(large),
        file_item(tmp_path / "none.jpg"),
        array_item("grey", np.zeros((9, 9), np.uint8)),
        array_item("good", np.zeros((90, 90, 3), np.uint8)),
    ]
    (group,) = find_faces([Wanted(item) for item in items], _Corner(), ReadOptions())
    assert [one.item if isinstance(one, Broken) else one.loaded.item for one in group] == items
    assert [isinstance(one, Broken) for one in group] == [True, False, True, True, False]
    assert (
        isinstance(group[0], Broken)
        and group[0].data == cut
        and group[0].reason.startswith("cut is damaged or cut off")
    )
    assert isinstance(group[2], Broken) and group[2].data == b"" and "none.jpg does not exist" in group[2].reason
    assert isinstance(group[3], Broken) and "grey has shape (9, 9)" in group[3].reason


def test_source_and_decoded_pixels_are_each_others_inverse() -> None:
    photo = Photo(np.zeros((50, 80, 3), np.uint8), 160, 100)
    face = _face(80, 50)
    there = to_source(face, photo)
    assert np.allclose(there.landmarks, face.landmarks * 2)
    back = to_decoded(there.box, photo)
    assert np.allclose(back.corners, face.box.corners)


def test_degenerate_landmarks_have_no_crop(large: Path) -> None:
    found = _found(large)
    point = replace(found.faces[0], landmarks=found.faces[0].landmarks * 0 + 7)
    crops = align_faces(ImageFaces(found.loaded, (point, found.faces[0])), TEMPLATE, 112)
    assert crops[0] is None and crops[1] is not None and crops[1].shape == (112, 112, 3)


class _OnItsSide:
    """Finds one face in tall images only."""

    name, longest, min_score = "tall", 640, 0.5

    def detect(self, images: list[Image]) -> list[Faces]:
        return [(_face(50, 90),) if image.shape[0] > image.shape[1] else () for image in images]


@pytest.mark.parametrize(("second_look", "turns"), [(True, [90]), (False, [])])
def test_an_image_on_its_side_is_searched_again_unless_that_is_switched_off(
    second_look: bool, turns: list[int]
) -> None:
    items = [Wanted(array_item("wide", np.zeros((50, 90, 3), np.uint8)))]
    ((one,),) = find_faces(items, _OnItsSide(), ReadOptions(second_look=second_look))
    assert isinstance(one, ImageFaces) and [face.turn for face in one.faces] == turns


def test_the_setting_switches_the_second_look_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ReadOptions().second_look
    monkeypatch.setenv("MIEN_SECOND_LOOK", "no")
    assert not ReadOptions().second_look


def test_the_turn_of_a_face_stays_in_pixels_of_the_source() -> None:
    photo = Photo(np.zeros((50, 40, 3), np.uint8), 80, 100)
    assert to_source(replace(_face(40, 50), turn=270), photo).turn == 270


class _Fussy(_Corner):
    """Fails on a whole group as OpenCV does, for an image of one extreme shape."""

    def detect(self, images: list[Image]) -> list[Faces]:
        for image in images:
            if image.shape[1] > 100 * image.shape[0]:
                cv2.resize(image, (0, 0))
        return super().detect(images)


def _read(fault: BaseException) -> Item:
    def read(_: object) -> bytes:
        raise fault

    return Item("bad.jpg", read)


@pytest.mark.parametrize("fault", [MemoryError(), ValueError("odd"), OSError(5, "I/O error"), KeyError("x")])
def test_whatever_one_file_brings_about_while_it_is_read_harms_no_other(fault: Exception, hopper: Image) -> None:
    items = [array_item("first", hopper), _read(fault), array_item("last", hopper)]
    ((first, bad, last),) = find_faces([Wanted(item) for item in items], _Corner(), ReadOptions())
    assert isinstance(first, ImageFaces) and isinstance(last, ImageFaces)
    assert isinstance(bad, Broken) and bad.reason.startswith("bad.jpg ")


@pytest.mark.parametrize("second_look", [False, True])
def test_a_picture_of_20000x5_that_the_detector_cannot_take_harms_no_other(second_look: bool, hopper: Image) -> None:
    strip = array_item("strip.png", np.zeros((5, 20000, 3), np.uint8))
    wanted = [Wanted(array_item("first", hopper)), Wanted(strip), Wanted(array_item("last", hopper))]
    reading = ReadOptions(longest=20000, second_look=second_look)
    ((first, bad, last),) = find_faces(wanted, _Fussy(), reading)
    assert isinstance(first, ImageFaces) and isinstance(last, ImageFaces) and first.faces
    assert isinstance(bad, Broken) and bad.reason.startswith("strip.png could not be processed: mien did not expect")


def test_a_header_that_claims_more_pixels_than_memory_harms_no_other(hopper_path: Path) -> None:
    """30 bytes of WebP whose VP8X header says 2^24 x 2^24."""
    head = b"RIFF" + (22).to_bytes(4, "little") + b"WEBPVP8X" + (10).to_bytes(4, "little") + bytes(4) + b"\xff" * 6
    items = [bytes_item("claims.webp", head), file_item(hopper_path)]
    ((bad, good),) = find_faces([Wanted(item) for item in items], _Corner(), ReadOptions())
    assert isinstance(bad, Broken) and "claims.webp" in bad.reason
    assert isinstance(good, ImageFaces)


def test_a_path_of_5000_characters_harms_no_other(hopper_path: Path) -> None:
    items = [file_item(Path("x" * 5000)), file_item(Path("y" * 300)), file_item(hopper_path)]
    ((long, name, good),) = find_faces([Wanted(item) for item in items], _Corner(), ReadOptions())
    assert isinstance(long, Broken) and "too long" in long.reason and len(long.reason) < 400
    assert isinstance(name, Broken) and "too long" in name.reason
    assert isinstance(good, ImageFaces)


def test_pixels_that_fail_to_decode_harm_no_other(
    collins_path: Path, hopper_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = Encoded.decode

    def exhausted(self: Encoded, longest: int | None = None) -> Photo:
        if self.name == str(collins_path):
            raise MemoryError
        return decode(self, longest)

    monkeypatch.setattr(Encoded, "decode", exhausted)
    wanted = [Wanted(file_item(path)) for path in (collins_path, hopper_path)]
    ((bad, good),) = find_faces(wanted, _Corner(), ReadOptions())
    assert isinstance(bad, Broken) and "needs more memory than there is" in bad.reason and bad.data
    assert isinstance(good, ImageFaces)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM"])
def test_damaged_pictures_are_faces_or_a_sentence_that_names_the_file(form: str, hopper: Image) -> None:
    whole = io.BytesIO()
    Pillow.fromarray(cv2.resize(hopper, (96, 112))).save(whole, form)
    items = [bytes_item(f"{number}.{form}", data) for number, data in enumerate(mutants(whole.getvalue(), 60, 15))]
    seen = [one for group in find_faces([Wanted(item) for item in items], _Corner(), ReadOptions()) for one in group]
    assert len(seen) == 60
    for item, one in zip(items, seen, strict=True):
        assert isinstance(one, ImageFaces) or (item.name in one.reason and "did not expect" not in one.reason)
