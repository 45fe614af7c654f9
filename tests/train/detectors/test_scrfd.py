"""The anchors of SCRFD."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.detectors.scrfd import BASES, STRIDES, anchors_of  # noqa: E402

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
