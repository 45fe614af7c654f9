"""MobileFaceNet as arcface_torch has it: a state dict in its names, the sums by hand from it, its published cost."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch.nn.functional as F  # noqa: E402, N812 - torch's own name for it
from made_up import norm_by_name, random_state, shapes_of  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from mien.train.recognizers.backbones.registry import build  # noqa: E402

Shapes = dict[str, tuple[int, ...]]
SIZES = {
    "mobilefacenet-arcface": (2, (1, 4, 6, 2)),
    "mobilefacenet-large-arcface": (4, (2, 8, 12, 4)),
}
STRIDES = {2: 2, 4: 2, 6: 2}
"""Of the inverted residuals that stand alone, by their place."""


def convolution(name: str, shape: tuple[int, ...], *, linear: bool = False) -> Shapes:
    shapes: Shapes = {f"{name}.layers.0.weight": shape, f"{name}.layers.1.num_batches_tracked": ()}
    for part in ("weight", "bias", "running_mean", "running_var"):
        shapes[f"{name}.layers.1.{part}"] = (shape[0],)
    return shapes if linear else shapes | {f"{name}.layers.2.weight": (shape[0],)}


def inverted(name: str, before: int, after: int, inside: int) -> Shapes:
    return (
        convolution(f"{name}.layers.0", (inside, before, 1, 1))
        | convolution(f"{name}.layers.1", (inside, 1, 3, 3))
        | convolution(f"{name}.layers.2", (after, inside, 1, 1), linear=True)
    )


def published_shapes(name: str, embedding: int) -> Shapes:
    """Names and shapes as the public code gives them."""
    scale, (first, *counts) = SIZES[name]
    narrow, wide = 64 * scale, 128 * scale
    shapes = convolution("layers.0", (narrow, 3, 3, 3))
    if first == 1:
        shapes |= convolution("layers.1", (narrow, narrow // 64, 3, 3))
    for number in range(first if first > 1 else 0):
        shapes |= inverted(f"layers.1.layers.{number}", narrow, narrow, 128)
    chains = zip(counts, (narrow, wide, wide), (128, 256, 256), (128, 256, 512), strict=True)
    before = narrow
    for place, (count, width, inside, down) in enumerate(chains):
        shapes |= inverted(f"layers.{2 + 2 * place}", before, width, down)
        for number in range(count):
            shapes |= inverted(f"layers.{3 + 2 * place}.layers.{number}", width, width, inside)
        before = width
    shapes |= convolution("conv_sep", (512, wide, 1, 1))
    shapes |= convolution("features.layers.0", (512, 1, 7, 7), linear=True)
    shapes |= {"features.layers.2.weight": (embedding, 512), "features.layers.3.num_batches_tracked": ()}
    return shapes | {
        f"features.layers.3.{part}": (embedding,) for part in ("weight", "bias", "running_mean", "running_var")
    }


@pytest.mark.parametrize("name", SIZES)
def test_names_and_shapes_are_the_public_ones(name: str) -> None:
    with torch.device("meta"):
        assert shapes_of(build(name, 512)) == published_shapes(name, 512)


def test_it_costs_the_published_half_gigaflop() -> None:
    """arcface_torch's table calls it mobilefacenet-0.45G."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        build("mobilefacenet-arcface", 512).eval()(torch.zeros(1, 3, 112, 112))
    assert 0.43 < counter.get_total_flops() / 2e9 < 0.46


def by_hand(x: "torch.Tensor", state: dict[str, "torch.Tensor"], name: str, stride: int = 1) -> "torch.Tensor":
    """A convolution, its norm and its PReLU where it has one; kernels of 3 pad."""
    weight = state[f"{name}.layers.0.weight"]
    x = F.conv2d(x, weight, None, stride, 1 if weight.shape[2] == 3 else 0, groups=x.shape[1] // weight.shape[1])
    x = norm_by_name(x, state, f"{name}.layers.1")
    slope = state.get(f"{name}.layers.2.weight")
    return x if slope is None else torch.where(x > 0, x, x * slope[:, None, None])


def inverted_by_hand(
    x: "torch.Tensor", state: dict[str, "torch.Tensor"], name: str, stride: int = 1
) -> "torch.Tensor":
    inner = by_hand(by_hand(x, state, f"{name}.layers.0"), state, f"{name}.layers.1", stride)
    return by_hand(inner, state, f"{name}.layers.2")


@pytest.mark.parametrize("name", SIZES)
def test_the_embedding_is_the_one_that_the_weights_give_by_hand(name: str) -> None:
    network, state = build(name, 32).eval(), random_state(published_shapes(name, 32))
    network.load_state_dict(state)
    x = torch.randn(1, 3, 112, 112, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        inner = by_hand(x, state, "layers.0", 2)
        if "layers.1.layers.0.weight" in state:
            inner = by_hand(inner, state, "layers.1")
        for place in range(1, 8):
            if place in STRIDES:
                inner = inverted_by_hand(inner, state, f"layers.{place}", STRIDES[place])
            else:
                number = 0
                while f"layers.{place}.layers.{number}.layers.0.layers.0.weight" in state:
                    inner = inner + inverted_by_hand(inner, state, f"layers.{place}.layers.{number}")
                    number += 1
        inner = by_hand(by_hand(inner, state, "conv_sep"), state, "features.layers.0").flatten(1)
        expected = norm_by_name(inner @ state["features.layers.2.weight"].T, state, "features.layers.3")
        found = network(x)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.std()))
