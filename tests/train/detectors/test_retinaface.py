"""The multi-box loss of RetinaFace by hand: which anchors count, and how many negatives per positive."""

import math

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import overlap_by_hand  # noqa: E402

from mien.train.detectors.network import Target  # noqa: E402
from mien.train.detectors.retinaface import SIDES, STRIDES, mobilenet, priors_of  # noqa: E402

CPU = torch.device("cpu")


def blank_outputs(count: int) -> tuple[torch.Tensor, ...]:
    return torch.zeros(1, count, 4), torch.zeros(1, count, 2), torch.zeros(1, count, 10)


def test_priors_are_two_squares_in_each_cell_of_three_strides() -> None:
    priors = priors_of(64, 96, CPU).tolist()
    wanted = [
        [(x + 0.5) * stride, (y + 0.5) * stride, side, side]
        for stride, sides in zip((8, 16, 32), ((16, 32), (64, 128), (256, 512)), strict=True)
        for y in range(96 // stride)
        for x in range(64 // stride)
        for side in sides
    ]
    assert (STRIDES, SIDES) == ((8, 16, 32), ((16, 32), (64, 128), (256, 512)))
    assert priors == wanted


def test_anchors_from_an_overlap_of_0_35_on_count_with_seven_negatives_each() -> None:
    priors = priors_of(160, 160, CPU)
    corners = torch.cat([priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2], dim=1)
    face = [40.0, 44.0, 76.0, 84.0]
    overlaps = [overlap_by_hand(corner, face) for corner in corners.tolist()]
    wanted = sum(value >= 0.35 for value in overlaps)
    assert wanted > 3
    target = Target(torch.tensor([face]), torch.full((1, 5, 2), 60.0), torch.zeros(0, 4))
    found = mobilenet().losses(blank_outputs(len(priors)), [target], 160, 160)
    assert found.counts.tolist() == [wanted] * 3
    # Without any score, each anchor that counts loses log 2.
    assert float(found.sums[0]) == pytest.approx((1 + 7) * wanted * math.log(2), rel=1e-5)


def test_boxes_and_points_are_measured_in_anchors_and_variances() -> None:
    priors = priors_of(64, 64, CPU)
    # A face as large as one anchor, a pixel to the right of it.
    x, y, side = 28.0, 28.0, 32.0
    box = torch.tensor([[x + 1 - side / 2, y - side / 2, x + 1 + side / 2, y + side / 2]])
    target = Target(box, torch.tensor([[[x + 4, y]] * 5]), torch.zeros(0, 4))
    outputs = blank_outputs(len(priors))
    row = next(i for i, prior in enumerate(priors.tolist()) if prior == [x, y, side, side])
    before = mobilenet().losses(outputs, [target], 64, 64).sums
    outputs[0][0, row] = torch.tensor([1 / (0.1 * side), 0, 0, 0])
    outputs[2][0, row] = torch.tensor([4 / (0.1 * side), 0] * 5)
    after = mobilenet().losses(outputs, [target], 64, 64).sums
    assert float(before[1] - after[1]) == pytest.approx(smooth_l1(1 / 3.2), rel=1e-4)
    assert float(before[2] - after[2]) == pytest.approx(5 * smooth_l1(4 / 3.2), rel=1e-4)


def smooth_l1(value: float) -> float:
    return value**2 / 2 if value < 1 else value - 0.5


def test_sizes_are_logarithms_in_the_second_variance() -> None:
    priors = priors_of(64, 64, CPU)
    x, y, side = 28.0, 28.0, 32.0
    box = torch.tensor([[x - side / 2, y - 0.6 * side, x + side / 2, y + 0.6 * side]])
    target = Target(box, torch.full((1, 5, 2), float("nan")), torch.zeros(0, 4))
    outputs = blank_outputs(len(priors))
    row = next(i for i, prior in enumerate(priors.tolist()) if prior == [x, y, side, side])
    before = mobilenet().losses(outputs, [target], 64, 64).sums
    wanted = math.log(1.2) / 0.2
    outputs[0][0, row] = torch.tensor([0, 0, 0, wanted])
    after = mobilenet().losses(outputs, [target], 64, 64).sums
    assert float(before[1] - after[1]) == pytest.approx(smooth_l1(wanted), rel=1e-4)


@pytest.mark.parametrize(("share", "learns"), [(0.49, True), (0.51, False)])
def test_anchors_that_are_half_in_an_ignored_face_learn_nothing(share: float, learns: bool) -> None:
    ignored = torch.tensor([[-600.0, -600.0, 600.0, 600.0]])
    priors = priors_of(64, 64, CPU)
    # Every anchor that learns is at most as far in as the share says, measured at the one in the upper left corner.
    x, side = priors[0, 0].item(), priors[0, 2].item()
    ignored[0, 2] = x - side / 2 + share * side
    target = Target(torch.zeros(0, 4), torch.zeros(0, 5, 2), ignored)
    outputs = blank_outputs(len(priors))
    outputs[1][0, 0] = torch.tensor([0.0, 9.0])
    # The anchor in the corner is by far the worst negative, if it counts.
    loss = float(mobilenet().losses(outputs, [target], 64, 64).sums[0])
    assert (loss > 8) == learns
