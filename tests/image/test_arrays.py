"""Arrays that a caller gives are checked, never converted."""

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.errors import ImageError
from mien.image import Limits, check_crops, check_image

GOOD = np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3)


def test_a_right_array_is_the_same_in_contiguous_memory() -> None:
    assert check_image(GOOD) is GOOD
    mirrored = check_image(GOOD[:, ::-1])
    assert np.array_equal(mirrored, GOOD[:, ::-1]) and mirrored.flags.c_contiguous


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (GOOD / 255, "between 0 and 1, so multiply by 255"),
        (GOOD.astype(np.float32), r"scale them to 0\.\.255"),
        (GOOD.astype(np.uint16), "scale 16-bit values"),
        (GOOD[..., 0], "repeat a grey image in three channels"),
        (np.dstack([GOOD, GOOD[..., :1]]), "alpha channel"),
        (GOOD.transpose(2, 0, 1), r"transpose\(1, 2, 0\)"),
        (GOOD[None], "one image at a time"),
        (GOOD[:0], r"empty array of shape \(0, 10, 3\)"),
        (None, "the image is None"),
        ("a.jpg", r"mien\.read_image"),
        (Pillow.fromarray(GOOD), r"numpy\.asarray"),
    ],
)
def test_a_wrong_array_is_named_with_its_remedy(wrong: object, says: str) -> None:
    with pytest.raises(ImageError, match=says) as caught:
        check_image(wrong)
    assert "(H, W, 3) uint8 RGB" in str(caught.value)


def test_limits_hold_for_arrays_too() -> None:
    with pytest.raises(ImageError, match="camera 1 has 10x12 pixels, over the limit of 100"):
        check_image(GOOD, "camera 1", Limits(max_pixels=100))
    with pytest.raises(ImageError, match="camera 1 is 10x12 pixels; each side must be at least 11 pixels"):
        check_image(GOOD, "camera 1", Limits(min_side=11))


def test_crops_are_stacked_and_checked_one_by_one() -> None:
    crop = np.zeros((8, 8, 3), np.uint8)
    assert check_crops([crop, crop], 8).shape == (2, 8, 8, 3)
    assert check_crops(np.stack([crop] * 3), 8).shape == (3, 8, 8, 3)
    assert check_crops([], 8).shape == (0, 8, 8, 3)
    with pytest.raises(ImageError, match=r"crop 1 is of shape \(8, 9, 3\)"):
        check_crops([crop, np.zeros((8, 9, 3), np.uint8)], 8)
    with pytest.raises(ImageError, match="one crop of shape"):
        check_crops(crop, 8)
