"""Where the first NaN or infinity of a step appeared."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.compute.optimize import LossScale  # noqa: E402
from mien.train.recognizers.backbones.backbone import Backbone  # noqa: E402
from mien.train.recognizers.dataset import CropBatch  # noqa: E402
from mien.train.recognizers.fault import first_fault  # noqa: E402
from mien.train.recognizers.heads import ArcFace  # noqa: E402
from mien.train.recognizers.partial_fc import PartialFC  # noqa: E402
from mien.train.recognizers.step import Learner  # noqa: E402


class Small(Backbone):
    """Two layers; the second can overflow."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = torch.nn.Conv2d(3, 2, 112), torch.nn.Linear(2, 4)

    def forward(self, x: "torch.Tensor") -> "torch.Tensor":
        return self.last(self.first(x).flatten(1))


def fault(learner: Learner) -> str:
    images, labels = np.full((2, 112, 112, 3), 200, np.uint8), np.zeros(2, np.int64)
    return first_fault(learner, CropBatch(0, images, labels, labels, labels), "f32", torch.device("cpu"))


@pytest.fixture
def learner() -> Learner:
    backbone = Small()
    optimizer = torch.optim.SGD(backbone.parameters(), lr=0.1)
    head = PartialFC(ArcFace(), 3, 4, ALONE)
    return Learner(backbone=backbone, model=backbone, head=head, optimizer=optimizer, scale=LossScale())


def test_faulty_weights_are_named(learner: Learner) -> None:
    with torch.no_grad():
        learner.backbone.last.bias[1] = float("nan")
    assert fault(learner) == "the weights of last.bias are not finite"


def test_faulty_centres_are_named(learner: Learner) -> None:
    learner.head.weight[2] = float("inf")
    assert fault(learner) == "the class centres are not finite"


def test_the_first_layer_that_overflows_is_named(learner: Learner) -> None:
    with torch.no_grad():
        learner.backbone.first.weight.fill_(1e20)
        learner.backbone.last.weight.fill_(1e20)
    assert fault(learner) == "the first layer whose output is not finite is last"


def test_a_gradient_that_is_not_finite_is_named(learner: Learner) -> None:
    for parameter in learner.backbone.parameters():
        parameter.grad = torch.zeros_like(parameter)
    learner.backbone.first.weight.grad.fill_(float("inf"))
    assert "the gradient of first.weight is the first in the backward pass" in fault(learner)


def test_otherwise_it_is_the_head(learner: Learner) -> None:
    assert fault(learner) == "the network's outputs are finite; the head's loss or the gradient of its centres is not"
