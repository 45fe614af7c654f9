"""MobileFaceNet in the layouts of TreB1eN and of Xiaoccer: tensors, names, and the inverted residual by hand."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch.nn.functional as F  # noqa: E402, N812 - torch's own name for it
from made_up import batch_norm_by_hand, counted, prelu_by_hand, with_statistics  # noqa: E402

from mien.train.recognizers.backbones.mobilefacenet import (  # noqa: E402
    Inverted,
    MobileConvolution,
    MobileFaceNetXiaoccer,
    XiaoccerBottleneck,
)
from mien.train.recognizers.backbones.registry import build, spec_of  # noqa: E402

COUNTS = {"mobilefacenet": (333, 1_200_512)}
"""Tensors in the state_dict and parameters, counted in the public code."""


@pytest.mark.parametrize("name", COUNTS)
def test_tensors_and_parameters_are_those_of_the_public_code(name: str) -> None:
    assert counted(name) == COUNTS[name]


def test_keys_are_the_public_ones() -> None:
    with torch.device("meta"):
        keys = set(build("mobilefacenet", 512).state_dict())
    assert {"conv_3.model.3.project.bn.weight", "conv_6_dw.conv.weight", "linear.weight"} <= keys
    assert "conv_6_dw.prelu.weight" not in keys, "the last convolution is linear"


def by_hand(x: "torch.Tensor", conv: "torch.nn.Conv2d", norm: "torch.nn.Module", stride: int = 1) -> "torch.Tensor":
    """A convolution and its BatchNorm: 3x3 ones pad, 1x1 ones do not."""
    padding = 1 if conv.weight.shape[-1] == 3 else 0
    groups = x.shape[1] // conv.weight.shape[1]
    return batch_norm_by_hand(F.conv2d(x, conv.weight, stride=stride, padding=padding, groups=groups), norm)


@pytest.mark.parametrize(("stride", "residual"), [(1, False), (1, True), (2, False)])
def test_an_inverted_residual_widens_convolves_by_channel_and_narrows(stride: int, residual: bool) -> None:
    torch.manual_seed(0)
    block, x = with_statistics(Inverted(6, 6, 12, stride, residual=residual)), torch.randn(2, 6, 8, 10)
    inner = prelu_by_hand(by_hand(x, block.conv.conv, block.conv.bn), block.conv.prelu.weight)
    inner = prelu_by_hand(by_hand(inner, block.conv_dw.conv, block.conv_dw.bn, stride), block.conv_dw.prelu.weight)
    assert block.conv_dw.conv.weight.shape == (12, 1, 3, 3)
    inner = by_hand(inner, block.project.conv, block.project.bn)
    torch.testing.assert_close(block(x), x + inner if residual else inner, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("after", "stride"), [(6, 1), (6, 2), (8, 1)])
def test_xiaoccers_bottleneck_adds_its_input_where_the_shape_stays(after: int, stride: int) -> None:
    torch.manual_seed(0)
    block, x = with_statistics(XiaoccerBottleneck(6, after, stride, 2)), torch.randn(2, 6, 8, 10)
    widen, norm1, prelu1, deep, norm2, prelu2, narrow, norm3 = block.conv
    inner = prelu_by_hand(by_hand(x, widen, norm1), prelu1.weight)
    inner = prelu_by_hand(by_hand(inner, deep, norm2, stride), prelu2.weight)
    inner = by_hand(inner, narrow, norm3)
    torch.testing.assert_close(block(x), x + inner if (after, stride) == (6, 1) else inner, rtol=1e-4, atol=1e-5)


def test_a_seven_wide_convolution_has_no_border() -> None:
    with torch.device("meta"):
        assert MobileConvolution(4, 4, 7, groups=4)(torch.zeros(2, 4, 7, 7)).shape == (2, 4, 1, 1)
        assert MobileConvolution(4, 4, 3, 2)(torch.zeros(2, 4, 112, 112)).shape == (2, 4, 56, 56)


def test_xiaoccers_network_looks_at_the_middle_96_columns() -> None:
    torch.manual_seed(0)
    network, crops = MobileFaceNetXiaoccer(16).eval(), torch.randn(1, 3, 112, 112)
    with torch.no_grad():
        plain = network(crops)
        for columns, same in (
            (slice(0, 8), True),
            (slice(104, 112), True),
            (slice(8, 9), False),
            (slice(103, 104), False),
        ):
            changed = crops.clone()
            changed[..., columns] += 1
            assert torch.equal(network(changed), plain) == same
    assert spec_of("mobilefacenet-xiaoccer").scale == (128.0, 128.0, 128.0)
    assert (spec_of("mobilefacenet").colour, spec_of("mobilefacenet-xiaoccer").colour) == ("BGR", "RGB")
