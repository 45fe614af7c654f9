"""The anchors of SCRFD."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.detectors.network import Target  # noqa: E402
from mien.train.detectors.scrfd import BASES, SHAPES, STRIDES, ScrfdNetwork, anchors_of  # noqa: E402

CPU = torch.device("cpu")


def test_anchor_centres_are_those_of_the_decoder() -> None:
    anchors = anchors_of(64, 96, CPU)
    index = 0
    for stride, base in zip(STRIDES, BASES, strict=True):
        for y in range(96 // stride):
            for x in range(64 // stride):
                for side in (base, 2 * base):
                    assert anchors.centres[index].tolist() == [x * stride, y * stride]
                    assert (anchors.boxes[index][2] - anchors.boxes[index][0]) == side
                    index += 1
    assert index == len(anchors.boxes)


@pytest.mark.parametrize(("share", "learns"), [(0.49, True), (0.51, False)])
def test_anchors_that_are_half_in_an_ignored_face_learn_nothing(share: float, learns: bool) -> None:
    anchors = anchors_of(64, 64, CPU)
    network = ScrfdNetwork(SHAPES["scrfd-500m"])
    row = next(i for i, box in enumerate(anchors.boxes.tolist()) if box == [24.0, 24.0, 40.0, 40.0])
    ignored = torch.tensor([[-600.0, -600.0, 24 + share * 16, 600.0]])
    none = Target(torch.zeros(0, 4), torch.zeros(0, 5, 2), ignored)
    counts = [2 * (64 // stride) ** 2 for stride in STRIDES]

    def loss(score: float) -> float:
        scores = torch.full((1, sum(counts), 1), -20.0)
        scores[0, row] = score
        parts = [part for width in (1, 4, 10) for part in torch.zeros(1, sum(counts), width).split(counts, dim=1)]
        return float(network.losses((*scores.split(counts, dim=1), *parts[3:]), [none], 64, 64).sums[0])

    assert (loss(5.0) - loss(-20.0) > 1) == learns


def test_the_separable_size_is_that_of_the_authors() -> None:
    """Their stem, stages and head; a tenth of the multiplications of plain convolutions of these widths."""
    network = ScrfdNetwork(SHAPES["scrfd-500m-separable"])
    planes = [16, 16, 40, 72, 152, 288]
    assert [stage[-1][3].out_channels for stage in network.body] == planes[2:]
    assert [len(stage) for stage in network.body] == [2, 3, 2, 6]
    body = 3 * 9 * 16 + 2 * 16 + 9 * 16 + 16 * 16 + 4 * 16
    for number, blocks in enumerate((2, 3, 2, 6)):
        for block in range(blocks):
            before, after = planes[number + 1 + (block > 0)], planes[number + 2]
            body += 9 * before + 2 * before + before * after + 2 * after
    mine = sum(p.numel() for part in (network.stem, network.body) for p in part.parameters())
    assert mine == body
    head = (
        9 * 16
        + 2 * 16
        + 16 * 64
        + 2 * 64
        + 9 * 64
        + 2 * 64
        + 64 * 64
        + 2 * 64
        + sum(64 * 9 * numbers + numbers for numbers in (2, 8, 20))
    )
    assert sum(p.numel() for p in network.heads[0].parameters()) == head + 1, "and the scale of the boxes"
    shapes = [tuple(part.shape) for part in network.eval()(torch.zeros(1, 3, 64, 96))]
    assert shapes[:3] == [(1, 192, 1), (1, 48, 1), (1, 12, 1)]
