"""Images are encoded as their name says."""

from pathlib import Path

import numpy as np

from mien.image import read_image
from mien.save_image import encode_to


def test_a_png_is_the_image_and_a_jpeg_is_near(tmp_path: Path) -> None:
    image = np.full((20, 30, 3), (200, 100, 50), np.uint8)
    encode_to(tmp_path / "a.PNG", image)
    encode_to(tmp_path / "a.jpg", image)
    assert np.array_equal(read_image(tmp_path / "a.PNG"), image)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - image).max() < 6
