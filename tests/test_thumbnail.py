"""Small JPEGs: as large as asked, of the right place, with the boxes in their colours."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image as Pillow

from mien.thumbnail import ASKED, FOUND, PLACE, place_jpeg, small_jpeg
from mien.types import Box, Image


def shown(jpeg: bytes | None) -> Image:
    assert jpeg is not None
    return simplejpeg.decode_jpeg(jpeg, "RGB")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Grey, with a white square at (300, 200) to (400, 300)."""
    image = np.full((600, 800, 3), 90, np.uint8)
    image[200:300, 300:400] = 255
    Pillow.fromarray(image).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.mark.parametrize(("size", "longest", "expected"), [((80, 40), 50, (50, 25)), ((80, 40), 200, (80, 40))])
def test_an_image_is_shrunk_to_its_longer_side_and_never_enlarged(
    size: tuple[int, int], longest: int, expected: tuple[int, int]
) -> None:
    image = np.full((size[1], size[0], 3), (200, 60, 30), np.uint8)
    small = shown(small_jpeg(image, longest))
    assert small.shape[1::-1] == expected and np.abs(small.astype(int) - (200, 60, 30)).max() < 12


def test_a_place_is_cut_with_its_surroundings_and_framed(path: Path) -> None:
    """The square of 100 pixels and 60 on every side are 220 pixels, drawn on 200."""
    image = shown(place_jpeg(path, Box(300, 200, 400, 300))).astype(int)
    assert max(image.shape[:2]) == PLACE
    assert np.abs(image[100, 100] - 255).max() < 12 and np.abs(image[20, 20] - 90).max() < 12
    assert np.abs(image[100, round(60 * 200 / 221)] - ASKED).max() < 60


def test_other_boxes_have_another_colour_and_no_place_is_the_whole_image(path: Path) -> None:
    plain, boxed = (shown(place_jpeg(path, None, boxes)).astype(int) for boxes in ((), [Box(500, 400, 700, 560)]))
    assert plain.shape == boxed.shape == (150, 200, 3)
    assert np.abs(boxed[120, 125] - FOUND).max() < 60 < np.abs(plain[120, 125] - FOUND).max()


def test_a_large_photograph_is_reduced_while_decoding_and_the_place_stays_right(tmp_path: Path) -> None:
    image = np.full((2400, 3600, 3), 90, np.uint8)
    image[1200:1600, 2400:2800] = 255
    cv2.imwrite(str(tmp_path / "large.jpg"), image)
    small = shown(place_jpeg(tmp_path / "large.jpg", Box(2400, 1200, 2800, 1600))).astype(int)
    assert np.abs(small[100, 100] - 255).max() < 12 and np.abs(small[20, 20] - 90).max() < 12


def test_what_cannot_be_shown_is_none(path: Path, tmp_path: Path) -> None:
    assert place_jpeg(tmp_path / "gone.png", None) is None
    assert place_jpeg(path, Box(2000, 2000, 2100, 2100)) is None


def test_a_report_is_written_whatever_is_wrong_with_one_of_its_images(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("mien.thumbnail.read_photo", exhausted)
    assert place_jpeg(path, None) is None
