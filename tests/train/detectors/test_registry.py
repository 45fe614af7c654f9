"""What every detector in training does."""

from pathlib import Path

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


@pytest.mark.parametrize("name", ["scrfd-500m", "scrfd-2.5g"])
def test_a_new_scrfd_scores_one_percent_everywhere(name: str) -> None:
    torch.manual_seed(0)
    network = DETECTORS[name].build().train()
    with torch.no_grad():
        scores = torch.cat(network.activated(network(torch.randn(2, 3, 128, 128)))[:3], dim=1)
    assert float(scores.mean()) == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize("name", DETECTORS)
def test_every_parameter_of_a_detector_has_a_stage(name: str) -> None:
    with torch.device("meta"):
        network = DETECTORS[name].build()
    assert {network.stage_of(key) for key, _ in network.named_parameters()} == set(range(network.stages))


def test_the_guide_lists_every_detector() -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "detection.md").read_text(encoding="utf-8")
    assert [name for name in DETECTORS if f"`{name}`" not in guide] == []
