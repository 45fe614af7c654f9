"""MTCNN's pyramid: which sizes are seen, and what their levels are sampled from."""

import itertools

import numpy as np
import pytest

from mien.detect.mtcnn_pyramid import (
    Level,
    MtcnnSettings,
    draw_level,
    halvings,
    levels_of,
    pyramid,
    working_size,
)


def test_the_pyramid_covers_its_faces() -> None:
    settings = MtcnnSettings()
    scales = pyramid(640, 480, settings)
    sizes = [12 / scale for scale in scales]
    assert sizes[0] == pytest.approx(settings.smallest) and sizes[-1] > 480
    assert settings.smallest / settings.tallest == 0.05
    assert all(b / a == pytest.approx(1 / settings.factor) for a, b in itertools.pairwise(sizes))
    assert len(pyramid(1, 1, settings)) == 1


@pytest.mark.parametrize(
    ("size", "expected"), [((300, 200), (300, 200)), ((1280, 960), (853, 640)), ((4000, 300), (1280, 96))]
)
def test_a_picture_is_shrunk_to_the_working_size_and_never_enlarged(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    """To a height of 640 pixels, so that the smallest face of 32 is 5% of it, and to 1280 along the longer side."""
    working = working_size(np.zeros((size[1], size[0], 3), np.uint8), MtcnnSettings())
    assert (working.shape[1], working.shape[0]) == expected


def test_levels_are_sampled_from_the_smallest_halving_that_is_larger() -> None:
    images = halvings(np.zeros((480, 640, 3), np.uint8))
    levels = levels_of(7, images, MtcnnSettings())
    assert levels[:3] == [Level(7, 240, 180, 1, 0), Level(7, 170, 128, 1, 1), Level(7, 121, 90, 2, 2)]
    for level in levels:
        height, width = images[level.halving].shape[:2]
        assert level.owner == 7 and width >= level.width and height >= level.height
        assert draw_level(images, level).shape == (level.height, level.width, 3)


def test_halvings_go_down_to_about_sixteen_pixels() -> None:
    shapes = [image.shape[:2] for image in halvings(np.zeros((200, 130, 3), np.uint8))]
    assert shapes == [(200, 130), (100, 65), (50, 32), (25, 16)]
