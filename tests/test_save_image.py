"""Images are written complete or not at all, and names do not clash."""

from pathlib import Path

import numpy as np
import pytest

from mien.image import read_image
from mien.save_image import file_names, save_image


def test_a_png_is_the_image_and_a_jpeg_is_near(tmp_path: Path) -> None:
    image = np.full((20, 30, 3), (200, 100, 50), np.uint8)
    assert np.array_equal(read_image(save_image(image, tmp_path / "new" / "a.PNG")), image)
    assert np.abs(read_image(save_image(image, tmp_path / "a.jpg")).astype(int) - image).max() < 6


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError)):
        save_image(np.zeros((2, 2, 7), np.uint8), tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_equal_names_get_a_number() -> None:
    paths = [Path("a/one.png"), Path("b/one.jpg"), Path("two.webp"), Path("c/one.png")]
    assert file_names(paths) == ["one.jpg", "one-2.jpg", "two.jpg", "one-3.jpg"]
