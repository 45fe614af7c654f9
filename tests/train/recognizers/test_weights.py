"""Other people's checkpoints: found in their wrappings, recognized, or refused in one sentence."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import CheckpointError  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.recognizers.weights import read_weights  # noqa: E402


@pytest.mark.parametrize("name", ["mobilefacenet", "mobilefacenet-xiaoccer", "dlib-resnet"])
@pytest.mark.parametrize("prefix", ["", "module.", "net.", "model.backbone."])
def test_weights_are_found_behind_any_prefix(tmp_path: Path, name: str, prefix: str) -> None:
    backbone = build(name, 64)
    state = {prefix + key: value for key, value in backbone.state_dict().items()}
    torch.save(
        {"epoch": 3, "state": {**state, "head.kernel": torch.zeros(2, 2)} if prefix else state}, tmp_path / "a.pt"
    )
    found = read_weights(tmp_path / "a.pt")
    assert (found.backbone, found.embedding, found.prefix) == (name, 64, prefix)
    again = found.network().state_dict()
    assert all(torch.equal(again[key], value) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize(
    ("name", "colour"),
    [("iresnet18", "RGB"), ("ir50", "RGB"), ("ir50-treb1en", "BGR"), ("ir-se50-treb1en", "BGR")],
)
def test_layouts_are_told_apart(tmp_path: Path, name: str, colour: str) -> None:
    state = {key: torch.zeros(value.shape) for key, value in build(name, 512).state_dict().items()}
    torch.save(state, tmp_path / "a.pt")
    found = read_weights(tmp_path / "a.pt")
    assert (found.backbone, found.embedding, found.spec.colour) == (name, 512, colour)


def test_another_architecture_is_refused_by_its_first_difference(tmp_path: Path) -> None:
    state = build("mobilefacenet", 64).state_dict()
    del state["conv_4.model.5.conv.bn.weight"]
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"lacks conv_4.model.5.conv.bn.weight .*another architecture"):
        read_weights(tmp_path / "a.pt")


def test_a_network_that_is_no_backbone_is_refused(tmp_path: Path) -> None:
    torch.save({"linear.bias": torch.zeros(3)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="has no backbone that mien knows"):
        read_weights(tmp_path / "a.pt")


@pytest.mark.real
def test_the_casia_checkpoint_is_recognized(data: Path) -> None:
    found = read_weights(data / "models" / "mobilefacenet_casia_068.ckpt")
    assert (found.backbone, found.embedding) == ("mobilefacenet-xiaoccer", 128)
    assert found.other == ("epoch", "net_state_dict")
