"""Every layout against the names, tensors and parameters that its authors' files have."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import RecipeError  # noqa: E402
from mien.train.recognizers.backbones.registry import BACKBONES, build  # noqa: E402

"""Tensors in the state_dict and parameters, counted in the public code."""


COUNTS = {
    "iresnet18": (187, 24_025_600),
    "iresnet34": (331, 34_139_328),
    "iresnet50": (475, 43_590_848),
    "iresnet100": (925, 65_156_160),
    "iresnet200": (1807, 118_833_920),
    "ir50": (347, 43_573_952),
    "ir-se50": (395, 43_796_672),
    "ir100": (672, 65_128_768),
    "ir152": (685, 70_736_576),
    "ir50-treb1en": (349, 43_574_976),
    "ir-se50-treb1en": (397, 43_797_696),
    "ir100-treb1en": (674, 65_129_792),
    "ir-se100-treb1en": (772, 65_502_016),
    "ir152-treb1en": (687, 70_737_600),
    "ir-se152-treb1en": (787, 71_148_736),
    "mobilefacenet": (333, 1_200_512),
}


@pytest.mark.parametrize("name", COUNTS)
def test_tensors_and_parameters_are_those_of_the_public_code(name: str) -> None:
    with torch.device("meta"):
        backbone = build(name, 512)
    assert (len(backbone.state_dict()), sum(p.numel() for p in backbone.parameters())) == COUNTS[name]


@pytest.mark.parametrize("name", BACKBONES)
def test_every_parameter_has_a_stage_and_stages_go_from_input_to_output(name: str) -> None:
    with torch.device("meta"):
        backbone = build(name, 128)
    stages = [backbone.stage_of(parameter) for parameter, _ in backbone.named_parameters()]
    assert stages == sorted(stages)
    assert set(stages) == set(range(backbone.stages))


@pytest.mark.parametrize("name", BACKBONES)
def test_crops_become_embeddings(name: str) -> None:
    with torch.device("meta"):
        backbone = build(name, 96).eval()
        side = backbone.spec.size
        assert backbone(torch.zeros(3, 3, side, side)).shape == (3, 96)


def test_keys_are_the_public_ones() -> None:
    with torch.device("meta"):
        keys = {
            name: set(build(name, 512).state_dict()) for name in ("iresnet50", "ir-se50-treb1en", "mobilefacenet")
        }
    assert {"conv1.weight", "layer3.13.bn3.running_var", "layer1.0.downsample.1.bias", "features.weight"} <= keys[
        "iresnet50"
    ]
    assert {"input_layer.2.weight", "body.23.res_layer.5.fc2.weight", "body.3.shortcut_layer.1.bias"} <= keys[
        "ir-se50-treb1en"
    ]
    assert not any(key.startswith("body.0.shortcut_layer") for key in keys["ir-se50-treb1en"])
    assert {"conv_3.model.3.project.bn.weight", "conv_6_dw.conv.weight", "linear.weight"} <= keys["mobilefacenet"]


def test_a_misspelt_backbone_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean iresnet50"):
        build("iresnet5O", 512)
