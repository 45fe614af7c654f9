"""A detector over annotated images: order, images that cannot be read, names."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.data.annotated import AnnotatedImage, AnnotatedSet
from mien.data.sample import Problem
from mien.evaluate.detectors.run import detect_all, detect_set, find_images_by_event, name_of
from mien.progress import Progress
from mien.types import Box, Face, Faces, Image, floats


class Finder:
    """Finds one face as large as each image."""

    name, longest, min_score = "finder", 640, 0.4

    def detect(self, images: list[Image]) -> list[Faces]:
        points = floats([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.4, 0.7], [0.6, 0.7]])
        return [(Face(Box(0, 0, image.shape[1], image.shape[0]), 0.9, points * image.shape[0]),) for image in images]


@pytest.fixture
def images(tmp_path: Path) -> list[AnnotatedImage]:
    """Two images with a broken one between them."""
    for number, name in enumerate(("a.png", "c.png")):
        Pillow.new("RGB", (60 + number, 40)).save(tmp_path / name)
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff nothing")
    empty = floats([]).reshape(0, 4), floats([]).reshape(0, 5, 2), np.zeros(0, np.bool_)
    return [AnnotatedImage(tmp_path / name, *empty, ()) for name in ("a.png", "b.jpg", "c.png")]


def test_every_image_has_faces_or_a_reason_in_its_place(images: list[AnnotatedImage]) -> None:
    seen: list[Progress] = []
    found = detect_all(Finder(), images, seen.append)
    assert [image for image, _, _ in found] == images and [step.done for step in seen] == [1, 2, 3]
    assert [None if faces is None else faces[0].box.width for _, faces, _ in found] == [60, None, 61]
    assert "b.jpg" in found[1][2] and found[0][2] == found[2][2] == ""


def test_an_image_that_cannot_be_read_is_a_problem_of_the_set(images: list[AnnotatedImage]) -> None:
    before = Problem("row 4", "is empty")
    found = detect_set(Finder(), AnnotatedSet(tuple(images), (before,)), Path("scenes/manifest.parquet"))
    assert [image.path.name for image in found.images] == ["a.png", "c.png"] and len(found.faces) == 2
    assert found.problems[0] == before and found.problems[1].where.endswith("b.jpg")
    assert (found.detector, found.source, found.own_threshold) == ("finder", "scenes", 0.4)
    assert "at most 640 pixels" in found.scales.text("en")


def test_a_set_is_called_by_its_file_or_the_folder_of_its_manifest() -> None:
    assert name_of(Path("a/scenes/manifest.parquet")) == "scenes"
    assert name_of(Path("a/faces.csv")) == "faces.csv" and name_of(Path("a/wider")) == "wider"


def test_images_of_wider_face_are_found_by_event(tmp_path: Path) -> None:
    for name in ("0--Parade/one.jpg", "0--Parade/two.PNG", "1--March/deep.txt", "1--March/one.jpeg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_images_by_event(tmp_path)
    assert list(found) == [("0--Parade", "one"), ("0--Parade", "two"), ("1--March", "one")]
    assert found["1--March", "one"] == tmp_path / "1--March" / "one.jpeg"
