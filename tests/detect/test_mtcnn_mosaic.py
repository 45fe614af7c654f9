"""Levels on canvases: none is lost, none overlaps another, and P-Net sees each as if it were alone."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.detect.mtcnn import Mtcnn
from mien.detect.mtcnn_mosaic import MARGIN, SIDE, STEP, Mosaic, Place, draw, lay_out, owners, room
from mien.detect.mtcnn_pyramid import PADDING, Level, MtcnnSettings, halvings, levels_of
from mien.models import store
from mien.models.options import EngineOptions
from mien.types import Image

SIZES = st.lists(st.tuples(st.integers(1, 500), st.integers(1, 260)), min_size=1, max_size=40)


def rectangle(place: Place, levels: list[Level]) -> tuple[int, int, int, int]:
    width, height = room(levels[place.level])
    return place.left, place.top, place.left + width, place.top + height


@settings(max_examples=60, deadline=None)
@given(SIZES)
def test_every_level_has_one_place_of_its_own_on_even_pixels(sizes: list[tuple[int, int]]) -> None:
    levels = [Level(0, width, height, 0, 0) for width, height in sizes]
    mosaics = list(lay_out(levels))
    assert sorted(place.level for mosaic in mosaics for place in mosaic.places) == list(range(len(levels)))
    for mosaic in mosaics:
        assert mosaic.width % STEP == mosaic.height % STEP == 0
        assert mosaic.width <= max(SIDE, 576) and mosaic.height <= max(SIDE, 320)
        boxes = [rectangle(place, levels) for place in mosaic.places]
        for left, top, right, bottom in boxes:
            assert left % 2 == top % 2 == 0
            assert right + MARGIN <= mosaic.width and bottom + MARGIN <= mosaic.height, "grey on every side"
        for a, b in combinations(boxes, 2):
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_a_small_image_does_not_pay_for_a_canvas_of_the_usual_size() -> None:
    levels = levels_of(0, halvings(np.zeros((112, 112, 3), np.uint8)), MtcnnSettings())
    (mosaic,) = lay_out(levels)
    assert mosaic.width * mosaic.height <= SIDE * SIDE // 4


def test_windows_that_show_two_levels_belong_to_none() -> None:
    levels = [Level(0, 8, 8, 0, 0), Level(1, 8, 8, 0, 0)]
    assert room(levels[0]) == (14, 14), "neighbours share the margin between them"
    mosaic = Mosaic(64, 64, (Place(0, 0, 0), Place(1, 14, 0)))
    found = owners(mosaic, levels)
    assert found.shape == (27, 27)
    for row, column in np.ndindex(found.shape):
        alone = [n for n, left in ((0, 0), (1, 14)) if left <= 2 * column <= left + 8 and 2 * row <= 8]
        assert found[row, column] == (alone[0] if alone else -1)


@pytest.fixture(scope="module")
def images(collins: Image) -> list[Image]:
    return [collins[:300, 100:400], collins[40:260, 80:361], collins[:150, 150:301]]


def test_pnet_answers_for_a_level_as_if_it_were_alone(images: list[Image]) -> None:
    net = store.load("mtcnn").session("pnet", EngineOptions(precision="f32"))
    halved = [halvings(image) for image in images]
    levels = [level for owner, own in enumerate(halved) for level in levels_of(owner, own, MtcnnSettings())]
    compared = 0
    for mosaic in lay_out(levels):
        together = net.run(draw(mosaic, levels, halved)[None])[1][0]
        for place in mosaic.places[:3]:
            width, height = (side + MARGIN for side in room(levels[place.level]))
            single = draw(Mosaic(width, height, (Place(place.level, 0, 0),)), levels, halved)
            alone = net.run(single[None])[1][0]
            top, left = place.top // 2, place.left // 2
            same = together[:, top : top + alone.shape[1], left : left + alone.shape[2]]
            np.testing.assert_allclose(same, alone, atol=1e-4)
            assert (owners(mosaic, levels)[top : top + alone.shape[1], left : left + alone.shape[2]] >= 0).all()
            assert (single[:MARGIN] == PADDING).all()
            compared += 1
    assert compared >= 3


def test_faces_are_the_same_whatever_images_are_looked_at_together(images: list[Image]) -> None:
    detector = Mtcnn(store.load("mtcnn"), EngineOptions(threads=1))
    assert detector.detect([]) == []
    together = detector.detect(images)
    for image, faces in zip(images, together, strict=True):
        (alone,) = detector.detect([image])
        assert len(faces) == len(alone) >= 1
        for a, b in zip(faces, alone, strict=True):
            np.testing.assert_allclose(a.landmarks, b.landmarks, atol=0.05)
