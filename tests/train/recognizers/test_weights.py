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
    state = {key: torch.ones(value.shape) for key, value in build(name, 512).state_dict().items()}
    torch.save(state, tmp_path / "a.pt")
    found = read_weights(tmp_path / "a.pt")
    assert (found.backbone, found.embedding, found.spec.colour) == (name, 512, colour)


@pytest.mark.parametrize("prefix", ["", "module.", "backbone."])
def test_weights_of_old_torch_without_counters_of_batches_are_read(tmp_path: Path, prefix: str) -> None:
    """torch before 0.4.1, and converters from other frameworks, save no num_batches_tracked."""
    backbone = build("mobilefacenet", 64)
    state = {prefix + k: v for k, v in backbone.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "a.pt")
    again = read_weights(tmp_path / "a.pt").network().state_dict()
    assert all(torch.equal(again[key], value) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_a_classifier_next_to_the_backbone_is_left_and_named(tmp_path: Path, prefix: str) -> None:
    state = {prefix + key: value for key, value in build("mobilefacenet", 64).state_dict().items()}
    torch.save({**state, "head.kernel": torch.ones(64, 9)}, tmp_path / "a.pt")
    found = read_weights(tmp_path / "a.pt")
    assert found.backbone == "mobilefacenet" and found.other == (() if prefix else ("head.kernel",))


def test_the_state_of_an_optimizer_is_called_so(tmp_path: Path) -> None:
    torch.save(torch.optim.SGD(build("mobilefacenet", 64).parameters(), 0.1).state_dict(), tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"a\.pt is the state of an optimizer, without weights"):
        read_weights(tmp_path / "a.pt")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_weights_that_are_not_numbers_or_all_zero_are_refused_by_name(tmp_path: Path, value: float) -> None:
    state = build("mobilefacenet", 64).state_dict()
    state["conv1.conv.weight"].fill_(value)
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"'conv1.conv.weight' of .*a\.pt (hold|are all zero).*copy it again"):
        read_weights(tmp_path / "a.pt")


def test_a_damaged_description_of_the_input_is_refused(tmp_path: Path) -> None:
    torch.save({"weights": build("mobilefacenet", 64).state_dict(), "pixels": {"size": "x"}}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"a\.pt is damaged where it says how crops enter"):
        read_weights(tmp_path / "a.pt")


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
    assert found.other == ("epoch",)
