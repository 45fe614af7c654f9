"""A batch is taken together only where it equals its images alone, whatever a network does with it."""

import numpy as np
import pytest

from mien.models.batches import batches_agree
from mien.types import Floats, Image


def means(images: Image) -> list[Floats]:
    """The mean of each colour of each image, (N, 3)."""
    return [images.mean(axis=(1, 2)).astype(np.float32)]


def mixed(images: Image) -> list[Floats]:
    """The means of all images together."""
    return [np.broadcast_to(means(images)[0].mean(axis=0), (len(images), 3)).astype(np.float32)]


def only_first(images: Image) -> list[Floats]:
    """A batch of the export that is held in a reshape: one row, whatever comes."""
    return [means(images)[0][:1]]


def refuses(images: Image) -> list[Floats]:
    if len(images) > 1:
        raise RuntimeError("no batches")
    return means(images)


def candidates(images: Image) -> list[Floats]:
    """Two rows per image, in another order for several images."""
    rows = np.concatenate([means(images)[0], means(images)[0] + 1])
    return [rows if len(images) == 1 else rows[::-1].copy()]


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize(
    ("run", "agrees"), [(means, True), (candidates, True), (mixed, False), (only_first, False), (refuses, False)]
)
def test_only_a_batch_that_equals_its_images_is_taken(run: object, agrees: bool, count: int) -> None:
    assert batches_agree(run, 16, 12, count) is agrees  # type: ignore[arg-type]


def test_one_output_of_several_is_enough_to_differ() -> None:
    assert not batches_agree(lambda images: [*means(images), *mixed(images)], 16, 12)
