"""MTCNN's pyramid: which sizes are seen, and which pictures go through P-Net together."""

import itertools

import numpy as np
import pytest

from mien.detect.mtcnn_pyramid import MtcnnSettings, batches, canvas_size, halvings, pyramid, working_size


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


def test_canvases_are_whole_steps_and_batches_powers_of_two() -> None:
    assert canvas_size(np.zeros((1, 65, 3), np.uint8)) == (128, 64)
    assert [len(part) for part in batches(list(range(23)))] == [8, 8, 4, 2, 1]
    assert list(itertools.chain(*batches(list(range(23))))) == list(range(23))


def test_halvings_go_down_to_about_sixteen_pixels() -> None:
    shapes = [image.shape[:2] for image in halvings(np.zeros((200, 130, 3), np.uint8))]
    assert shapes == [(200, 130), (100, 65), (50, 32), (25, 16)]
