"""What R-Net and O-Net see: patches, their batches, and boxes and points from shares."""

import numpy as np
import pytest

from mien.detect.mtcnn_patches import (
    BATCHES,
    Answers,
    Proposals,
    by_owner,
    cut_patches,
    number_windows,
    place_points,
    run_patches,
    shift_boxes,
    suppress,
    to_squares,
)
from mien.detect.mtcnn_pyramid import PADDING, halvings
from mien.types import Floats, Image, floats


class Counting:
    """A session that answers each patch with its mean, and remembers the batches."""

    engine, precision, batchable, batch, on_gpu = "none", "f32", True, 32, False

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, images: Image) -> list[Floats]:
        self.batches.append(len(images))
        return [images.reshape(len(images), -1).mean(axis=1, dtype=np.float32)[:, None]]


@pytest.mark.parametrize(("count", "batches"), [(1, [1]), (5, [8]), (64, [64]), (107, [64, 32, 8, 4])])
def test_patches_go_through_in_few_shapes_and_limited_numbers(count: int, batches: list[int]) -> None:
    session, patches = Counting(), np.zeros((count, 24, 24, 3), np.uint8)
    patches[:] = np.arange(count).reshape(-1, 1, 1, 1) % 251
    (answer,) = run_patches(session, patches)
    assert session.batches == batches and max(batches) <= BATCHES[0]
    assert answer[:, 0].tolist() == [i % 251 for i in range(count)]


def proposals(*boxes: list[float]) -> Proposals:
    return Proposals(floats(boxes), np.ones(len(boxes), np.float32), np.arange(len(boxes)))


def test_a_second_look_asks_about_new_boxes_alone_and_knows_the_others() -> None:
    image = np.random.default_rng(1).integers(0, 256, (60, 90, 3), np.uint8)
    boxes = [[2.0 * n, n, 2.0 * n + 24, n + 24] for n in range(20)]
    every, session = proposals(*boxes), Counting()
    answers = Answers(session, 24)
    first = np.array([7, 3, 11])
    (once,) = answers.about([halvings(image)], every.take(first))
    again = np.array([11, 0, 3, 19, 7, 5])
    (twice,) = answers.about([halvings(image)], every.take(again))
    assert session.batches == [4, 4], "three boxes of each look, filled up to a power of two"
    expected = cut_patches([halvings(image)], every, 24).reshape(20, -1).mean(axis=1, dtype=np.float32)
    assert np.array_equal(once[:, 0], expected[first]) and np.array_equal(twice[:, 0], expected[again])
    (thrice,) = answers.about([halvings(image)], every.take(again[::-1]))
    assert session.batches == [4, 4] and np.array_equal(thrice, twice[::-1])


def test_a_patch_shows_its_box_and_grey_outside_of_the_picture() -> None:
    image = np.zeros((100, 120, 3), np.uint8)
    image[20:44, 30:54] = np.random.default_rng(0).integers(0, 256, (24, 24, 3))
    inner, outer = cut_patches([halvings(image)], proposals([30, 20, 54, 44], [-24, -24, 24, 24]), 24)
    assert np.array_equal(inner, image[20:44, 30:54])
    assert (outer[:11, :11] == PADDING).all() and (outer[13:, 13:] == 0).all()


def test_boxes_and_points_follow_from_shares_of_the_box() -> None:
    boxes = floats([[10, 20, 30, 60]])
    assert shift_boxes(boxes, floats([[0.1, -0.1, 0.5, 0.25]])).tolist() == [[12, 16, 40, 70]]
    shares = floats([[0, 0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25, 0]])
    assert place_points(boxes, shares).tolist() == [[[10, 60], [15, 50], [20, 40], [25, 30], [30, 20]]]
    assert to_squares(boxes).tolist() == [[0, 20, 40, 60]]


def test_boxes_of_other_images_and_groups_are_not_suppressed() -> None:
    boxes = floats([[0, 0, 10, 10], [0, 0, 10, 11], [0, 0, 10, 10], [0, 1, 10, 10]])
    owner, groups = np.array([1, 1, 0, 1]), np.array([5, 5, 5, 6])
    found = Proposals(boxes, floats([0.7, 0.9, 0.6, 0.8]), number_windows(owner, groups, owner, np.arange(4)))
    assert found.owner.tolist() == owner.tolist() and found.depth.tolist() == groups.tolist()
    assert [places.tolist() for places in by_owner(found)] == [[2], [0, 1, 3]]
    assert suppress(found, 0.5).scores.tolist() == pytest.approx([0.6, 0.9])
    assert suppress(found, 0.5, groups).scores.tolist() == pytest.approx([0.6, 0.9, 0.8])
    assert Proposals.joined([found.of([1]), found.of([0])]).scores.tolist() == pytest.approx([0.6, 0.7, 0.9, 0.8])
    nothing = suppress(found.take(np.empty(0, np.int64)), 0.5)
    assert nothing.boxes.shape == (0, 4)
