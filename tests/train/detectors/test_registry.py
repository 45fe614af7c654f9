"""What every detector in training does."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.detectors.network import Target  # noqa: E402
from mien.train.detectors.registry import DETECTORS  # noqa: E402


@pytest.mark.parametrize("name", ["scrfd-500m", "retinaface-mnet025"])
def test_perfect_outputs_have_no_box_or_landmark_loss_and_ignored_faces_teach_nothing(name: str) -> None:
    network = DETECTORS[name].build().train()
    face = torch.tensor([[24.0, 30.0, 84.0, 100.0]])
    points = torch.tensor([[[40.0, 50], [66, 50], [54, 66], [42, 82], [64, 82]]])
    none = torch.zeros(0, 4)
    outputs = network(torch.randn(1, 3, 128, 128))
    learned = network.losses(outputs, [Target(face, points, none)], 128, 128)
    assert (learned.sums > 0).all() and (learned.counts > 0).all()
    unlabelled = network.losses(outputs, [Target(face, points * float("nan"), none)], 128, 128)
    assert unlabelled.sums[2] == 0 and torch.isfinite(unlabelled.sums).all()
    background = network.losses(outputs, [Target(none, points[:0], none)], 128, 128)
    everything = torch.tensor([[-600.0, -600, 700, 700]])
    ignored = network.losses(outputs, [Target(none, points[:0], everything)], 128, 128)
    assert background.sums[0] > 0 and ignored.sums[0] == 0 and (ignored.counts == 0).all()
    learned.sums.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
