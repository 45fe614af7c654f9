"""MTCNN as one detector: limits of its stages, suppression of nested boxes, landmarks for boxes of others."""

import numpy as np
import pytest

from mien.detect.mtcnn import Mtcnn, _Cascade
from mien.detect.mtcnn_patches import Proposals
from mien.detect.mtcnn_pyramid import halvings
from mien.models import store
from mien.models.card import ModelCard
from mien.models.options import DEFAULT_OPTIONS
from mien.types import Floats, Image, floats

COLLINS = np.array([[203.5, 101.5], [246, 103.5], [225, 127], [203, 140], [244, 140]])
"""Eileen Collins's landmarks, read off the portrait by eye, to about two pixels."""


class Certain:
    """A model whose networks leave every box where it is and take every patch for a face."""

    card = ModelCard.model_construct(name="certain")

    def session(self, part: str, options: object) -> "Certain":
        return self

    def run(self, images: Image) -> list[Floats]:
        count = len(images)
        return [np.zeros((count, 4), np.float32), np.zeros((count, 10), np.float32), floats([[0, 1]] * count)]


def test_a_low_minimum_score_lets_more_through_the_early_stages_up_to_a_limit() -> None:
    for min_score, expected in ((None, (0.6, 0.7, 0.8)), (0.65, (0.6, 0.65, 0.65)), (0.1, (0.45, 0.3, 0.1))):
        settings = Mtcnn(Certain(), DEFAULT_OPTIONS, min_score=min_score).settings
        assert (settings.proposal, settings.refinement, settings.output) == pytest.approx(expected)


@pytest.mark.parametrize(("inside", "count"), [(0.65, 2), (0.75, 1)])
def test_a_box_of_which_seven_tenths_are_in_a_better_one_is_dropped(inside: float, count: int) -> None:
    boxes = floats([[0, 0, 100, 100], [100 - 20 * inside, 40, 120 - 20 * inside, 60]])
    proposals = Proposals(boxes, floats([0.9, 0.8]), np.arange(2))
    image = np.zeros((200, 200, 3), np.uint8)
    kept = _Cascade(Mtcnn(Certain(), DEFAULT_OPTIONS), [image], [halvings(image)]).finish(proposals)
    assert len(kept.boxes) == count


def test_landmarks_for_foreign_boxes(collins: Image) -> None:
    mtcnn = Mtcnn(store.load("mtcnn"), DEFAULT_OPTIONS)
    points = mtcnn.landmarks(collins, floats([[170, 60, 280, 180]]))
    assert np.linalg.norm(points[0] - COLLINS, axis=1).mean() < 8
    assert mtcnn.landmarks(collins, np.empty((0, 4), np.float32)).shape == (0, 5, 2)
