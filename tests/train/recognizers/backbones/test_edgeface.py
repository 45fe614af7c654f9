"""EdgeFace: a state dict in the public names, the sums by hand from it, parameters and cost as published."""

import math

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch.nn.functional as F  # noqa: E402, N812 - torch's own name for it
from made_up import random_state, shapes_of  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from mien.train.recognizers.backbones.registry import build  # noqa: E402

Shapes = dict[str, tuple[int, ...]]
State = dict[str, "torch.Tensor"]

PUBLISHED = {
    "edgeface-xxs": (1.24, 94.72),
    "edgeface-xs": (1.77, 154.00),
    "edgeface-s": (3.65, 306.12),
    "edgeface-base": (18.23, 1398.83),
}
"""Millions of parameters and of operations (two for a multiplication) in the README of otroshi/edgeface."""

SIZES = {
    "edgeface-xxs": ((24, 48, 88, 168), (2, 2, 6, 2), 4, None),
    "edgeface-xs": ((32, 64, 100, 192), (3, 3, 9, 3), 4, 0.6),
    "edgeface-s": ((48, 96, 160, 304), (3, 3, 9, 3), 8, 0.5),
}
GROUPS, KERNELS = (1, 2, 3, 4), (3, 5, 7, 9)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_operations_are_as_many_as_published(name: str) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        network = build(name, 512).eval()
        network(torch.zeros(1, 3, 112, 112))
    parameters, operations = PUBLISHED[name]
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == parameters
    # Their counter has norms and activations, too.
    assert 0.995 < counter.get_total_flops() / 1e6 / operations <= 1


def linear(name: str, before: int, after: int, share: float | None) -> Shapes:
    if share is None:
        return {f"{name}.weight": (after, before), f"{name}.bias": (after,)}
    rank = int(min(before, after) * share)
    return {
        f"{name}.linear1.weight": (rank, before),
        f"{name}.linear2.weight": (after, rank),
        f"{name}.linear2.bias": (after,),
    }


def pair(name: str, *shape: int) -> Shapes:
    return {f"{name}.weight": tuple(shape), f"{name}.bias": (shape[0],)}


def published_shapes(name: str, embedding: int = 512) -> Shapes:
    """Names and shapes as the public code gives them."""
    widths, depths, heads, share = SIZES[name]
    shapes = pair("model.stem.0", widths[0], 3, 4, 4) | pair("model.stem.1", widths[0])
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        place = f"model.stages.{stage}"
        if stage:
            shapes |= pair(f"{place}.downsample.0", widths[stage - 1])
            shapes |= pair(f"{place}.downsample.1", width, widths[stage - 1], 2, 2)
        for number in range(depth):
            block = f"{place}.blocks.{number}"
            shapes |= pair(f"{block}.norm", width) | {f"{block}.gamma": (width,)}
            shapes |= linear(f"{block}.mlp.fc1", width, 4 * width, share)
            shapes |= linear(f"{block}.mlp.fc2", 4 * width, width, share)
            if stage == 0 or number < depth - 1:
                shapes |= pair(f"{block}.conv_dw", width, 1, KERNELS[stage], KERNELS[stage])
                continue
            each = math.ceil(width / GROUPS[stage])
            for group in range(GROUPS[stage] - 1):
                shapes |= pair(f"{block}.convs.{group}", each, 1, 3, 3)
            if stage == 1:
                shapes |= pair(f"{block}.pos_embd.token_projection", width, 64, 1, 1)
            shapes |= pair(f"{block}.norm_xca", width) | {f"{block}.gamma_xca": (width,)}
            shapes |= {f"{block}.xca.temperature": (heads, 1, 1)}
            shapes |= linear(f"{block}.xca.qkv", width, 3 * width, share)
            shapes |= linear(f"{block}.xca.proj", width, width, share)
    return shapes | pair("model.head.norm", widths[-1]) | linear("model.head.fc", widths[-1], embedding, share)


@pytest.mark.parametrize("name", SIZES)
def test_names_and_shapes_are_the_public_ones(name: str) -> None:
    with torch.device("meta"):
        assert shapes_of(build(name, 512)) == published_shapes(name)


def product(x: "torch.Tensor", state: State, name: str) -> "torch.Tensor":
    if f"{name}.weight" in state:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]
    matrix = state[f"{name}.linear2.weight"] @ state[f"{name}.linear1.weight"]
    return x @ matrix.T + state[f"{name}.linear2.bias"]


def normed(x: "torch.Tensor", state: State, name: str) -> "torch.Tensor":
    """Over the last axis."""
    away = x - x.mean(-1, keepdim=True)
    return (
        away / (away.square().mean(-1, keepdim=True) + 1e-6).sqrt() * state[f"{name}.weight"] + state[f"{name}.bias"]
    )


def convolved(x: "torch.Tensor", state: State, name: str, stride: int = 1) -> "torch.Tensor":
    weight = state[f"{name}.weight"]
    return F.conv2d(x, weight, state[f"{name}.bias"], stride, weight.shape[2] // 2, groups=x.shape[1])


def mixed(x: "torch.Tensor", state: State, block: str) -> "torch.Tensor":
    inner = product(normed(x, state, f"{block}.norm"), state, f"{block}.mlp.fc1")
    inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
    return state[f"{block}.gamma"] * product(inner, state, f"{block}.mlp.fc2")


def codes(side: int) -> "torch.Tensor":
    """The code of each place, row by row: 32 numbers of the row and 32 of the column."""
    out = torch.zeros(side * side, 64)
    for row in range(side):
        for column in range(side):
            for axis, place in enumerate((row, column)):
                for wave in range(16):
                    angle = (place + 1) / (side + 1e-6) * 2 * math.pi / 10_000 ** (2 * wave / 32)
                    out[row * side + column, axis * 32 + 2 * wave] = math.sin(angle)
                    out[row * side + column, axis * 32 + 2 * wave + 1] = math.cos(angle)
    return out


def channel_block(x: "torch.Tensor", state: State, block: str, groups: int, heads: int) -> "torch.Tensor":
    """(C, H, W) to the same."""
    width, side = x.shape[0], x.shape[1]
    each = math.ceil(width / groups)
    parts = [x[first : first + each] for first in range(0, width, each)]
    before = torch.zeros_like(parts[0])
    for number in range(groups - 1):
        before = convolved((parts[number] + before)[None], state, f"{block}.convs.{number}")[0]
        parts[number] = before
    inner = torch.cat(parts).flatten(1).T
    if f"{block}.pos_embd.token_projection.weight" in state:
        matrix = state[f"{block}.pos_embd.token_projection.weight"].flatten(1)
        inner = inner + codes(side) @ matrix.T + state[f"{block}.pos_embd.token_projection.bias"]
    query, key, value = product(normed(inner, state, f"{block}.norm_xca"), state, f"{block}.xca.qkv").chunk(3, dim=1)
    own, seen = width // heads, torch.zeros_like(inner)
    for head in range(heads):
        at = slice(head * own, (head + 1) * own)
        q, k, v = query[:, at].T, key[:, at].T, value[:, at].T
        logits = (q / q.norm(dim=1, keepdim=True)) @ (k / k.norm(dim=1, keepdim=True)).T
        weights = (logits * state[f"{block}.xca.temperature"][head]).exp()
        seen[:, at] = (weights / weights.sum(1, keepdim=True) @ v).T
    inner = inner + state[f"{block}.gamma_xca"] * product(seen, state, f"{block}.xca.proj")
    return x + mixed(inner, state, block).T.reshape(x.shape)


@pytest.mark.parametrize("name", ["edgeface-xxs", "edgeface-xs"])
def test_the_embedding_is_the_one_that_the_weights_give_by_hand(name: str) -> None:
    widths, depths, heads, _ = SIZES[name]
    network, state = build(name, 64).eval(), random_state(published_shapes(name, 64))
    network.load_state_dict(state)
    crop = torch.randn(3, 112, 112, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        x = F.conv2d(crop[None], state["model.stem.0.weight"], state["model.stem.0.bias"], 4)
        x = normed(x.permute(0, 2, 3, 1), state, "model.stem.1").permute(0, 3, 1, 2)
        for stage, depth in enumerate(depths):
            place = f"model.stages.{stage}"
            if stage:
                x = normed(x.permute(0, 2, 3, 1), state, f"{place}.downsample.0").permute(0, 3, 1, 2)
                x = F.conv2d(x, state[f"{place}.downsample.1.weight"], state[f"{place}.downsample.1.bias"], 2)
            for number in range(depth):
                block = f"{place}.blocks.{number}"
                if f"{block}.conv_dw.weight" in state:
                    inner = convolved(x, state, f"{block}.conv_dw").permute(0, 2, 3, 1)
                    x = x + mixed(inner, state, block).permute(0, 3, 1, 2)
                else:
                    x = channel_block(x[0], state, block, GROUPS[stage], heads)[None]
        assert x.shape == (1, widths[-1], 3, 3)
        expected = product(normed(x.mean((2, 3)), state, "model.head.norm"), state, "model.head.fc")
        found = network(crop[None])
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.std()))
