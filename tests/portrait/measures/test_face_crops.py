"""Every crop of the table knows the way back: a point of it is at the place in the image that its colour names."""

from dataclasses import replace

import numpy as np
import pytest

from mien.models.card import PortraitModelSpec
from mien.portrait.measures.face_chip import FaceChip, PortraitImage, make_face_chip
from mien.portrait.measures.face_crops import CROPS, EYE_CORNERS, EYE_WIDTH, cut
from mien.portrait.measures.portrait_model import PortraitModel
from mien.templates import ARCFACE_112
from mien.types import Box, Face, floats

SIDE = 510
POINTS = floats(ARCFACE_112 * 2 + 140)
BOX = Box(200, 190, 310, 350)


def model(crop: str, margin: float = 1.5, width: int = 64, height: int = 64) -> PortraitModel:
    spec = PortraitModelSpec(crop=crop, margin=margin, output="unit")
    return PortraitModel(
        name="m",
        family="landmarks",
        spec=spec,
        width=width,
        height=height,
        session=None,  # type: ignore[arg-type]
    )


def chip_of(box: Box = BOX, degrees: float = 0.0, side: int = SIDE) -> FaceChip:
    """A face in an image whose red is half of a pixel's column and whose green is half of its row."""
    rows, columns = np.mgrid[:side, :side] // 2
    image = np.stack([columns, rows, np.full_like(rows, 90)], axis=2).astype(np.uint8)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = POINTS.mean(axis=0)
    face = Face(box, 0.9, floats((POINTS - middle) @ turn.T + middle))
    return make_face_chip(PortraitImage(image=image, width=side, height=side, faces=(face,), chosen=0))


@pytest.mark.parametrize("degrees", [0, 15])
@pytest.mark.parametrize("crop", CROPS)
def test_a_point_of_the_crop_is_where_its_colour_says(crop: str, degrees: float) -> None:
    taken = cut(chip_of(degrees=degrees), model(crop, width=112, height=112))
    assert len(taken) == (2 if crop == "eyes" else 1)
    for one in taken:
        assert one.pixels.shape == (112, 112, 3) and one.pixels.dtype == np.uint8
        places = floats([[x, y] for x in (14, 56, 98) for y in (18, 53, 88)])
        colours = np.array([one.pixels[int(y), int(x), :2] for x, y in places]).astype(float) * 2
        # Half a pixel of the crop, and what is lost of a place by storing half of it.
        tolerance = 1.0 + np.abs(one.back[:, :2]).sum(axis=1).max()
        np.testing.assert_allclose(one.lay_back(places), colours, atol=tolerance)


def test_a_box_is_square_around_its_middle_and_margin_times_its_longer_side() -> None:
    (one,) = cut(chip_of(), model("box", margin=2.0, width=32, height=64))
    corners = one.lay_back(floats([[0, 0], [32, 64]]))
    np.testing.assert_allclose(corners, [[255 - 160, 270 - 160], [255 + 160, 270 + 160]])


@pytest.mark.parametrize("crop", ["upright", "eyes"])
def test_level_crops_run_along_the_eyes(crop: str) -> None:
    for one in cut(chip_of(degrees=15), model(crop)):
        along = one.lay_back(floats([[0, 0], [64, 0]]))
        run = along[1] - along[0]
        assert np.degrees(np.arctan2(run[1], run[0])) == pytest.approx(15, abs=2)


def test_eyes_are_cut_by_their_distance_or_by_the_mesh_where_there_is_one() -> None:
    chip, taken = chip_of(), model("eyes", margin=2.0)
    apart = float(np.linalg.norm(POINTS[1] - POINTS[0]))
    for eye, one in zip(POINTS, cut(chip, taken), strict=False):
        (middle, edge) = one.lay_back(floats([[32, 32], [64, 32]]))
        np.testing.assert_allclose(middle, eye, atol=0.1)
        assert np.linalg.norm(edge - middle) == pytest.approx(apart * EYE_WIDTH, rel=0.01)
    mesh = np.zeros((468, 3), np.float32)
    for (left, right), x in zip(EYE_CORNERS, (200, 280), strict=True):
        mesh[left, :2], mesh[right, :2] = (x, 240), (x + 30, 240)
    first, second = cut(replace(chip, extra={"mesh": mesh}), taken)
    np.testing.assert_allclose(first.lay_back(floats([[32, 32], [64, 32]])), [[215, 240], [245, 240]], atol=0.1)
    np.testing.assert_allclose(second.lay_back(floats([[32, 32]])), [[295, 240]], atol=0.1)


def test_a_crop_that_stays_inside_is_moved_and_made_smaller() -> None:
    corner = chip_of(Box(-20, -10, 60, 90))
    (moved,) = cut(corner, model("inside", margin=2.7))
    corners = moved.lay_back(floats([[0, 0], [64, 64]]))
    assert corners[0].tolist() == [0, 0], "it begins at the image's corner"
    assert corners[1] == pytest.approx([80 * 2.7, 100 * 2.7], abs=2)
    (small,) = cut(chip_of(Box(5, 5, 505, 505)), model("inside", margin=2.7))
    corners = small.lay_back(floats([[0, 0], [64, 64]]))
    assert corners.min() >= 0 and corners.max() <= SIDE
    (point,) = cut(chip_of(Box(50, 50, 50, 50)), model("inside"))
    assert point.pixels.shape == (64, 64, 3), "a box without area is a part of an image, too"


def test_an_aligned_crop_has_the_landmarks_where_arcface_has_them() -> None:
    (one,) = cut(chip_of(degrees=15), model("aligned", width=112, height=112))
    np.testing.assert_allclose(one.lay_back(ARCFACE_112), chip_of(degrees=15).portrait.face.landmarks, atol=0.1)
