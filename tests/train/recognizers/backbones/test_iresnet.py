"""IResNet in arcface_torch's layout: its tensors and parameters, its names, and its block by hand."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch.nn.functional as F  # noqa: E402, N812 - torch's own name for it
from made_up import batch_norm_by_hand, counted, prelu_by_hand, with_statistics  # noqa: E402

from mien.train.recognizers.backbones.iresnet import DEPTHS, IResNet, IResNetBlock  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402

COUNTS = {
    "iresnet18": (187, 24_025_600),
    "iresnet34": (331, 34_139_328),
    "iresnet50": (475, 43_590_848),
    "iresnet100": (925, 65_156_160),
    "iresnet200": (1807, 118_833_920),
}
"""Tensors in the state_dict and parameters, counted in the public code."""


@pytest.mark.parametrize("name", COUNTS)
def test_tensors_and_parameters_are_those_of_the_public_code(name: str) -> None:
    assert counted(name) == COUNTS[name]


def test_keys_are_the_public_ones() -> None:
    with torch.device("meta"):
        keys = set(build("iresnet50", 512).state_dict())
    assert {
        "conv1.weight",
        "layer3.13.bn3.running_var",
        "layer1.0.downsample.1.bias",
        "features.weight",
    } <= keys
    assert "layer1.1.downsample.1.bias" not in keys, "only the first block of a stage changes the shape"


def test_a_network_has_the_blocks_of_its_depth() -> None:
    for blocks in DEPTHS.values():
        with torch.device("meta"):
            network = IResNet(blocks)
        assert tuple(len(getattr(network, f"layer{number}")) for number in range(1, 5)) == blocks


@pytest.mark.parametrize(("width", "stride"), [(6, 1), (6, 2), (8, 1), (8, 2)])
def test_a_block_is_the_papers(width: int, stride: int) -> None:
    torch.manual_seed(0)
    block, x = with_statistics(IResNetBlock(6, width, stride)), torch.randn(2, 6, 8, 10)
    inner = F.conv2d(batch_norm_by_hand(x, block.bn1), block.conv1.weight, padding=1)
    inner = prelu_by_hand(batch_norm_by_hand(inner, block.bn2), block.prelu.weight)
    inner = batch_norm_by_hand(F.conv2d(inner, block.conv2.weight, stride=stride, padding=1), block.bn3)
    skip = x
    if (width, stride) != (6, 1):
        assert block.downsample is not None
        skip = batch_norm_by_hand(F.conv2d(x, block.downsample[0].weight, stride=stride), block.downsample[1])
    torch.testing.assert_close(block(x), skip + inner, rtol=1e-4, atol=1e-5)


def test_the_weight_of_the_embeddings_norm_stays_at_one() -> None:
    network = IResNet((1, 1, 1, 1), 16)
    assert not network.features.weight.requires_grad and network.features.bias.requires_grad
    assert torch.equal(network.features.weight, torch.ones(16))
