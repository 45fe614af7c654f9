"""Other people's checkpoints: found in their wrappings, recognized, or refused in one sentence."""

from functools import partial
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import CheckpointError  # noqa: E402
from mien.train.recognizers.backbones.backbone import BackboneKind  # noqa: E402
from mien.train.recognizers.backbones.registry import BACKBONES, build  # noqa: E402
from mien.train.recognizers.backbones.vit import CVLFACE_LAYOUT, ViT, VitSize  # noqa: E402
from mien.train.recognizers.backbones.vit_kprpe import LAYOUT as KPRPE_LAYOUT  # noqa: E402
from mien.train.recognizers.backbones.vit_kprpe import ViTKPRPE  # noqa: E402
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
    [
        ("iresnet18", "RGB"),
        ("ir50", "RGB"),
        ("ir50-treb1en", "BGR"),
        ("ir-se50-treb1en", "BGR"),
        ("ir18-adaface", "BGR"),
        ("mobilefacenet-arcface", "RGB"),
        ("mobilefacenet-large-arcface", "RGB"),
        ("edgeface-xxs", "RGB"),
        ("edgeface-xs", "RGB"),
    ],
)
def test_layouts_are_told_apart(tmp_path: Path, name: str, colour: str) -> None:
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in build(name, 512).state_dict().items()}
    torch.save({key: torch.ones(shape) for key, shape in shapes.items()}, tmp_path / "a.pt")
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


def test_a_checkpoint_of_adaface_is_read_with_its_head_beside(tmp_path: Path) -> None:
    """As Lightning saves it: `model.` and `head.` in one dict, with settings, counters and optimizers next to it."""
    backbone = build("ir18-adaface", 512)
    state = {f"model.{key}": value for key, value in backbone.state_dict().items()}
    state |= {"head.kernel": torch.ones(512, 3), "head.t": torch.zeros(1), "head.batch_mean": torch.ones(1) * 20}
    content = {
        "epoch": 25,
        "global_step": 1000,
        "pytorch-lightning_version": "1.4.4",
        "state_dict": state,
        "optimizer_states": [{"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": []}],
        "hyper_parameters": {"arch": "ir_18", "lr_milestones": [12, 20, 24], "m": 0.4},
    }
    torch.save(content, tmp_path / "adaface.ckpt")
    found = read_weights(tmp_path / "adaface.ckpt")
    assert (found.backbone, found.prefix, found.spec.colour) == ("ir18-adaface", "model.", "BGR")
    assert "TFace trained on RGB" in found.note
    again = found.network().state_dict()
    assert all(torch.equal(again[key], value) for key, value in backbone.state_dict().items())


TINY = VitSize(patch=28, width=16, depth=4, heads=2, masking=0.0)


@pytest.fixture
def tiny_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transformers of all layouts, so small that a test can write them."""
    monkeypatch.setitem(BACKBONES, "tiny", BackboneKind(partial(ViT, TINY), CVLFACE_LAYOUT))
    monkeypatch.setitem(BACKBONES, "tiny-kprpe", BackboneKind(partial(ViTKPRPE, TINY), KPRPE_LAYOUT))


@pytest.mark.usefixtures("tiny_transformers")
@pytest.mark.parametrize("name", ["tiny", "tiny-kprpe"])
def test_transformers_with_and_without_landmarks_are_told_apart(tmp_path: Path, name: str) -> None:
    """A network that knows landmarks has all weights of one that does not; without them, embeddings are others."""
    state = {f"module.net.{k}": torch.ones_like(v) for k, v in build(name, 32).state_dict().items()}
    torch.save(state, tmp_path / "model.pt")
    found = read_weights(tmp_path / "model.pt")
    assert (found.backbone, found.embedding, found.prefix) == (name, 32, "module.net.")


@pytest.mark.usefixtures("tiny_transformers")
def test_cvlfaces_transformer_is_read_without_the_token_that_only_training_uses(tmp_path: Path) -> None:
    state = {f"net.{k}": v for k, v in build("tiny", 512).state_dict().items() if k != "mask_token"}
    torch.save(state, tmp_path / "model.pt")
    found = read_weights(tmp_path / "model.pt")
    assert (found.backbone, found.prefix) == ("tiny", "net.")
    assert torch.equal(found.state["pos_embed"], state["net.pos_embed"])
    assert 0.01 < found.state["mask_token"].std() < 0.03, "as before any training"


@pytest.mark.usefixtures("tiny_transformers")
@pytest.mark.parametrize("folder", [".", "pretrained_model"])
@pytest.mark.parametrize("line", ["color_space: BGR", "color_space: 'BGR'", 'color_space: "BGR"  '])
def test_the_colour_order_is_what_cvlfaces_settings_say(tmp_path: Path, folder: str, line: str) -> None:
    torch.save({f"net.{k}": v for k, v in build("tiny", 32).state_dict().items()}, tmp_path / "model.pt")
    assert read_weights(tmp_path / "model.pt").spec.colour == "RGB"
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "model.yaml").write_text(f"input_size: [3, 112, 112]\n{line}\nname: 'base'\n")
    found = read_weights(tmp_path / "model.pt")
    assert found.spec.colour == "BGR" and "as its model.yaml says" in found.note
    assert found.network().spec.colour == "BGR"


@pytest.mark.usefixtures("tiny_transformers")
def test_a_transformer_with_a_further_part_is_not_taken_for_one_without(tmp_path: Path) -> None:
    """TransFace weights patches by a part of its own; without it, embeddings would be others."""
    state = build("tiny", 512).state_dict() | {"senet.0.weight": torch.ones(3, 3)}
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"has senet\.0\.weight, which tiny does not have .*another arch"):
        read_weights(tmp_path / "a.pt")


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
