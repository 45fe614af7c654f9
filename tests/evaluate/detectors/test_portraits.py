"""Portraits that a face fills, and faces in the middle: what counts as found."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.data.annotated import AnnotatedImage, AnnotatedSet
from mien.errors import ImageError
from mien.evaluate.detectors import portraits
from mien.evaluate.detectors.portraits import FILLED, FRAME, fill, found_central, found_filling
from mien.types import Box, Face, Faces, Image, floats

POINTS = floats([[30, 30], [70, 30], [50, 50], [40, 70], [60, 70]])


class Red:
    """Finds the red pixels of an image, as one face, and adds the boxes it is given."""

    name, longest, min_score = "red", 640, 0.5

    def __init__(self, *others: Box) -> None:
        self.others, self.seen = others, list[tuple[int, ...]]()

    def detect(self, images: list[Image]) -> list[Faces]:
        self.seen += [image.shape for image in images]
        return [self._find(image) for image in images]

    def _find(self, image: Image) -> Faces:
        rows, columns = np.nonzero((image[..., 0] > 189) & (image[..., 1] < 64))
        found = (
            [Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)]
            if len(rows)
            else []
        )
        return tuple(Face(box, 0.9, POINTS) for box in (*found, *self.others))


def draw(path: Path, box: tuple[int, int, int, int], size: tuple[int, int] = (300, 200)) -> Path:
    """A grey image with a red box."""
    image = np.full((size[1], size[0], 3), 128, np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = (250, 0, 0)
    Pillow.fromarray(image).save(path)
    return path


def annotate(path: Path, *boxes: tuple[int, int, int, int], ignore: bool = False) -> AnnotatedImage:
    count = len(boxes)
    return AnnotatedImage(
        path,
        floats(boxes).reshape(-1, 4),
        np.full((count, 5, 2), np.nan, np.float32),
        np.full(count, ignore),
        ({},) * count,
    )


@pytest.mark.parametrize("share", FILLED)
def test_a_face_takes_its_share_of_the_frames_height(share: float) -> None:
    image = np.full((200, 300, 3), 128, np.uint8)
    image[50:150, 100:180] = (250, 0, 0)
    portrait, box = fill(image, floats([100, 50, 180, 150]), share)
    width, height = FRAME
    assert portrait.shape == (height, width, 3) and portrait.dtype == np.uint8
    assert box[3] - box[1] == pytest.approx(share * height)
    assert (box[:2] + box[2:]) / 2 == pytest.approx([width / 2, height / 2])
    (red,) = Red().detect([portrait])[0]
    half_a_pixel = share * height / 100 / 2
    assert np.abs(floats(red.box.corners) - box).max() <= half_a_pixel + 1, "the face is where the box says"


def test_a_box_ends_with_the_frame() -> None:
    """A face wider than high would reach over the frame's sides."""
    image = np.zeros((200, 300, 3), np.uint8)
    _, box = fill(image, floats([50, 50, 250, 150]), 1.0)
    assert box.tolist() == [0, 0, *FRAME]


def test_the_largest_face_fills_each_portrait_of_an_image(tmp_path: Path) -> None:
    small, large = (5, 5, 60, 90), (100, 50, 180, 180)
    path = draw(tmp_path / "a.png", large)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    images = (
        annotate(path, small, large),
        annotate(tmp_path / "broken.jpg", large),
        annotate(draw(tmp_path / "low.png", (100, 50, 180, 120)), (100, 50, 180, 120)),
        annotate(path, large, ignore=True),
    )
    finder = Red()
    rate = found_filling(finder, AnnotatedSet(images, ()), 10)
    assert rate is not None and rate.value == 1 and rate.count == len(FILLED), "of one image of four"
    assert finder.seen == [(FRAME[1], FRAME[0], 3)] * len(FILLED), "the image itself is not searched"
    assert found_filling(Red(), AnnotatedSet(images, ()), 0) is None
    assert found_filling(Red(), AnnotatedSet(images[1:], ()), 10) is None


def test_a_face_that_is_not_found_counts_against_the_detector(tmp_path: Path) -> None:
    """The annotated place is grey: nothing is found in the portraits made of it, or a box too far away."""
    elsewhere = annotate(draw(tmp_path / "a.png", (0, 0, 1, 1)), (100, 50, 180, 180))
    for finder in (Red(), Red(Box(0, 0, 50, 50))):
        rate = found_filling(finder, AnnotatedSet((elsewhere,), ()), 1)
        assert rate is not None and rate.value == 0 and rate.count == 3 and rate.high > 0


def test_the_face_over_the_middle_is_found_and_others_are_counted(tmp_path: Path) -> None:
    draw(tmp_path / "1.png", (120, 60, 200, 160))
    draw(tmp_path / "2.png", (0, 0, 50, 50))
    draw(tmp_path / "3.png", (0, 0, 0, 0))
    (tmp_path / "4.jpg").write_bytes(b"\xff\xd8\xff nothing")
    central = found_central(Red(), tmp_path, 10)
    assert central.found.value == pytest.approx(1 / 3) and central.found.count == 3, "an image without a face counts"
    assert central.others == pytest.approx(1 / 3)
    (problem,) = central.problems
    assert problem.where.endswith("4.jpg") and "4.jpg" in problem.reason


def test_the_middle_is_that_of_the_file_not_of_the_reduced_image(tmp_path: Path) -> None:
    """A detector that needs 640 pixels gets a file of 4000 reduced."""
    draw(tmp_path / "large.png", (1900, 900, 2100, 1100), (4000, 2000))
    finder = Red()
    assert found_central(finder, tmp_path, 1).found.value == 1
    assert finder.seen[0][1] < 4000


def test_images_of_a_large_folder_are_spread_over_it(tmp_path: Path) -> None:
    for number in range(9):
        draw(tmp_path / f"{number}.png", (0, 0, 10 + number, 50))
    seen: list[int] = []

    class Widths(Red):
        def _find(self, image: Image) -> Faces:
            (face,) = super()._find(image)
            seen.append(int(face.box.width))
            return (face,)

    assert found_central(Widths(), tmp_path, 3).found.count == 3
    assert seen == [10, 13, 16]


def test_a_folder_without_an_image_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(ImageError, match="does not hold an image that can be read"):
        found_central(Red(), tmp_path, 3)


def test_the_limits_that_the_report_states() -> None:
    assert portraits.TALL == 80 and portraits.FRAME == (480, 640)
