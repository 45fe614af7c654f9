"""IR and IR-SE in the layouts of TreB1eN and of CurricularFace: tensors, names, and the unit by hand."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch.nn.functional as F  # noqa: E402, N812 - torch's own name for it
from made_up import batch_norm_by_hand, counted, prelu_by_hand, with_statistics  # noqa: E402

from mien.train.recognizers.backbones.ir import IR, IRUnit, Squeeze  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402

COUNTS = {
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
}
"""Tensors in the state_dict and parameters, counted in the public code."""


@pytest.mark.parametrize("name", COUNTS)
def test_tensors_and_parameters_are_those_of_the_public_code(name: str) -> None:
    assert counted(name) == COUNTS[name]


def test_keys_are_the_public_ones() -> None:
    with torch.device("meta"):
        keys = set(build("ir-se50-treb1en", 512).state_dict())
    assert {"input_layer.2.weight", "body.23.res_layer.5.fc2.weight", "body.3.shortcut_layer.1.bias"} <= keys
    assert not any(key.startswith("body.0.shortcut_layer") for key in keys)


@pytest.mark.parametrize("squeeze", [False, True])
@pytest.mark.parametrize(("width", "stride"), [(16, 1), (16, 2), (32, 1), (32, 2)])
def test_a_unit_normalizes_first_and_strides_last(width: int, stride: int, squeeze: bool) -> None:
    torch.manual_seed(0)
    unit, x = with_statistics(IRUnit(16, width, stride, squeeze)), torch.randn(2, 16, 8, 10)
    first, conv1, prelu, conv2, last, *rest = unit.res_layer
    inner = prelu_by_hand(F.conv2d(batch_norm_by_hand(x, first), conv1.weight, padding=1), prelu.weight)
    inner = batch_norm_by_hand(F.conv2d(inner, conv2.weight, stride=stride, padding=1), last)
    assert len(rest) == squeeze
    if squeeze:
        inner = squeeze_by_hand(inner, rest[0])
    # Of one width, the input is subsampled and not averaged.
    skip = x[:, :, ::stride, ::stride]
    if width != 16:
        skip = batch_norm_by_hand(F.conv2d(x, unit.shortcut_layer[0].weight, stride=stride), unit.shortcut_layer[1])
    torch.testing.assert_close(unit(x), skip + inner, rtol=1e-4, atol=1e-5)


def squeeze_by_hand(x: "torch.Tensor", squeeze: "torch.nn.Module") -> "torch.Tensor":
    out = torch.empty_like(x)
    for row in range(len(x)):
        means = [float(x[row, channel].mean()) for channel in range(x.shape[1])]
        inside = torch.relu(squeeze.fc1.weight[:, :, 0, 0] @ torch.tensor(means))
        factors = torch.sigmoid(squeeze.fc2.weight[:, :, 0, 0] @ inside)
        out[row] = x[row] * factors[:, None, None]
    return out


def test_squeeze_and_excitation_narrows_sixteen_times() -> None:
    layer = Squeeze(64)
    assert layer.fc1.weight.shape == (4, 64, 1, 1) and layer.fc2.weight.shape == (64, 4, 1, 1)


def test_the_two_layouts_differ_in_the_last_norm_and_in_the_colours_of_their_authors() -> None:
    with torch.device("meta"):
        curricular, treb1en = IR(50), IR(50, affine=True)
    assert set(treb1en.state_dict()) - set(curricular.state_dict()) == {
        "output_layer.4.weight",
        "output_layer.4.bias",
    }
    assert set(curricular.state_dict()) < set(treb1en.state_dict())
    assert (curricular.spec.colour, treb1en.spec.colour) == ("RGB", "BGR")
    # The body's stages begin where the map is halved.
    firsts = [stage[0] for stage in curricular.STAGES]
    assert firsts == ["input_layer.", "body.0.", "body.3.", "body.7.", "body.21.", "output_layer."]
