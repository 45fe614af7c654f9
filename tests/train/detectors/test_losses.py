"""Losses of detectors, each by its equation."""

import math

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import boxes, overlap_by_hand  # noqa: E402

from mien.train.detectors.losses import (  # noqa: E402
    distance_iou,
    hard_negatives,
    landmark_distance,
    overlaps,
    paired_overlaps,
    quality_focal,
)


def test_overlaps_by_plain_loops() -> None:
    a, b = boxes(0, 7), boxes(1, 7)
    expected = [[overlap_by_hand(x, y) for y in b.tolist()] for x in a.tolist()]
    assert torch.allclose(overlaps(a, b), torch.tensor(expected), atol=1e-5)
    assert torch.allclose(paired_overlaps(a, b), torch.tensor(expected).diagonal(), atol=1e-5)


def test_quality_focal_loss_by_its_equation() -> None:
    logits, quality = torch.tensor([-2.0, 0.0, 3.0, 1.0]), torch.tensor([0.0, 0.4, 1.0, 0.0])
    expected = []
    for z, y in zip(logits.tolist(), quality.tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        expected.append(-(abs(y - p) ** 2) * ((1 - y) * math.log(1 - p) + y * math.log(p)))
    assert torch.allclose(quality_focal(logits, quality), torch.tensor(expected), atol=1e-5)


def test_distance_iou_loss_by_its_equation() -> None:
    a, b = boxes(2, 9), boxes(3, 9)
    for x, y, loss in zip(a.tolist(), b.tolist(), distance_iou(a, b).tolist(), strict=True):
        centres = [((m[0] + m[2]) / 2, (m[1] + m[3]) / 2) for m in (x, y)]
        apart = (centres[0][0] - centres[1][0]) ** 2 + (centres[0][1] - centres[1][1]) ** 2
        wide, tall = max(x[2], y[2]) - min(x[0], y[0]), max(x[3], y[3]) - min(x[1], y[1])
        assert loss == pytest.approx(1 - overlap_by_hand(x, y) + apart / (wide**2 + tall**2), abs=1e-5)
    assert distance_iou(a, a).abs().max() < 1e-5


def test_landmark_loss_is_a_share_of_the_face() -> None:
    wanted = torch.zeros(2, 5, 2)
    predicted = wanted + torch.tensor([3.0, -1.0])
    assert landmark_distance(predicted, wanted, torch.tensor([20.0, 40.0])).tolist() == pytest.approx([0.1, 0.05])


def test_hard_negatives_are_the_worst_and_so_many_a_positive() -> None:
    losses = torch.arange(20.0)
    positive, allowed = torch.zeros(20, dtype=torch.bool), torch.ones(20, dtype=torch.bool)
    positive[19], allowed[18] = True, False
    assert torch.nonzero(hard_negatives(losses, positive, allowed, 3)).flatten().tolist() == [15, 16, 17]
