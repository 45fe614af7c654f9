"""Weights of detectors: recognized, or refused in one sentence."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import detector_recipe  # noqa: E402

from mien.errors import CheckpointError  # noqa: E402
from mien.train.detectors.registry import DETECTORS  # noqa: E402
from mien.train.detectors.task import make_detector  # noqa: E402
from mien.train.detectors.weights import read_body, read_detector  # noqa: E402


def test_foreign_weights_that_do_not_fit_are_told(tmp_path: Path) -> None:
    state = dict(DETECTORS["retinaface-mnet025"].build().state_dict())
    state["fpn.output1.0.weight"] = torch.zeros(3, 3)
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match=r"retinaface-mnet025, but fpn\.output1\.0\.weight"):
        read_detector(tmp_path / "bad.pth")


def classifier(name: str) -> dict[str, torch.Tensor]:
    """A classifier of ImageNet with a detector's body, as torchvision and Pytorch_Retinaface name its weights."""
    generator = torch.Generator().manual_seed(3)
    state = {
        key.removeprefix("body."): torch.rand(value.shape, generator=generator)
        if value.is_floating_point()
        else value
        for key, value in DETECTORS[name].build().state_dict().items()
        if key.startswith("body.")
    }
    return state | {"fc.weight": torch.ones(1000, 8), "fc.bias": torch.ones(1000)}


@pytest.mark.parametrize(("name", "wrapped"), [("retinaface-r50", False), ("retinaface-mnet025", True)])
def test_a_retinaface_starts_from_a_classifier_of_imagenet(name: str, wrapped: bool, tmp_path: Path) -> None:
    """The original does; only whole detectors were accepted."""
    state = classifier(name)
    saved = (
        {"epoch": 90, "state_dict": {f"module.{key}": value for key, value in state.items()}} if wrapped else state
    )
    torch.save(saved, tmp_path / "imagenet.pth")
    sizes = {"name": name, "side": 64}
    recipe = detector_recipe(tmp_path, detector=sizes, init={"weights": str(tmp_path / "imagenet.pth")})
    network, fresh = make_detector(recipe), make_detector(detector_recipe(tmp_path, detector=sizes))
    for key, value in network.state_dict().items():
        if key.startswith("body."):
            assert torch.equal(value, state[key.removeprefix("body.")]), key
        else:
            assert torch.equal(value, fresh.state_dict()[key]), key


def test_a_classifier_with_another_body_is_named(tmp_path: Path) -> None:
    state = classifier("retinaface-r50")
    torch.save(state | {"layer4.2.conv3.weight": torch.ones(3, 3)}, tmp_path / "r101.pth")
    with pytest.raises(CheckpointError, match=r"looks like retinaface-r50, but body\.layer4\.2\.conv3\.weight"):
        read_body(tmp_path / "r101.pth", "retinaface-r50")
    torch.save(state, tmp_path / "r50.pth")
    assert read_body(tmp_path / "r50.pth", "retinaface-mnet025") is None
    assert read_body(tmp_path / "r50.pth", "scrfd-500m") is None
