"""Vision transformers: state dicts in the public names, the sums by hand from them, published cost, masking."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import random_state, shapes_of  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402
from vit_by_hand import (  # noqa: E402
    SIZES,
    State,
    block_by_hand,
    layer_norm_by_hand,
    patches_by_hand,
    project_by_hand,
    published_shapes,
)

from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.recognizers.backbones.vit import Block, DropPath, ViT, VitSize  # noqa: E402

GIGAFLOPS = {"vit-t": 1.5, "vit-s": 5.7, "vit-b": 11.4, "vit-l": 25.3}
"""arcface_torch's table of ViT for WebFace42M."""


@pytest.mark.parametrize("name", SIZES)
def test_names_and_shapes_are_the_public_ones(name: str) -> None:
    with torch.device("meta"):
        assert shapes_of(build(name, 512)) == published_shapes(*SIZES[name])


@pytest.mark.parametrize("name", GIGAFLOPS)
def test_a_crop_costs_what_is_published(name: str) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        build(name, 512).eval()(torch.zeros(1, 3, 112, 112))
    assert round(counter.get_total_flops() / 2e9, 1) == GIGAFLOPS[name]


TINY = VitSize(patch=28, width=16, depth=4, heads=2, widening=3)
TINY_SHAPES = published_shapes(28, 16, 4, 3, embedding=8)


def tiny() -> tuple[ViT, State]:
    network, state = ViT(TINY, 8), random_state(TINY_SHAPES)
    network.load_state_dict(state)
    return network, state


def test_a_tiny_one_gives_what_its_weights_give_by_hand() -> None:
    network, state = tiny()
    crops = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for crop, found in zip(crops, network.eval()(crops), strict=True):
            inner = patches_by_hand(crop, state, 28)
            for number in range(4):
                inner = block_by_hand(inner, state, f"blocks.{number}.", 2)
            expected = project_by_hand(layer_norm_by_hand(inner, state, "norm"), state)[0]
            assert expected.std() > 1e-3
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["vit-s", "vit-b-cvlface"])
def test_a_block_of_a_public_size_is_the_one_by_hand(name: str) -> None:
    """The number of heads does not show in the weights: 8 in arcface_torch, 16 in CVLface's base."""
    network = build(name, 8)
    assert isinstance(network, ViT)
    block = network.blocks[0].eval()
    state = random_state(shapes_of(block))
    block.load_state_dict(state)
    x = torch.randn(1, 9, 512, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = block_by_hand(x[0], state, "", 16 if "cvlface" in name else 8)
        torch.testing.assert_close(block(x)[0], expected, rtol=1e-4, atol=1e-4)


def test_masking_hides_patches_behind_the_learnt_token() -> None:
    network, state = tiny()
    network.regularize(0.5, 0.0)
    network.train()
    seen: list[torch.Tensor] = []
    shown: list[torch.Tensor] = []
    network.feature.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].reshape(2, 16, 16)))
    network.blocks[0].register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0]))
    crops = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    with torch.no_grad():
        network(crops)
    assert shown[0].shape == (2, 8, 16), "half of the 16 patches"
    hidden = (seen[0] == state["mask_token"]).all(dim=2)
    assert hidden.sum(dim=1).tolist() == [8, 8] and not torch.equal(hidden[0], hidden[1])
    with torch.no_grad():
        inner = patches_by_hand(crops[0], state, 28)[~hidden[0]]
        for number in range(4):
            inner = block_by_hand(inner, state, f"blocks.{number}.", 2)
        torch.testing.assert_close(
            seen[0][0][~hidden[0]], layer_norm_by_hand(inner, state, "norm"), rtol=1e-4, atol=1e-5
        )


def test_nothing_is_hidden_in_use_and_without_masking_the_token_waits_for_no_gradient() -> None:
    network, _ = tiny()
    network.regularize(0.5, 0.0)
    crops = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(network.eval()(crops), network(crops))
    network.regularize(0.0, None)
    network.train()(crops).square().mean().backward()
    assert not network.mask_token.requires_grad
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)


def test_stochastic_depth_rises_from_nothing_and_keeps_the_mean() -> None:
    network = ViT(TINY, 8)
    assert [round(block.drop_path.probability, 4) for block in network.blocks] == [0.0, 0.0333, 0.0667, 0.1]
    drop, x = DropPath(0.25).train(), torch.ones(4000, 2, 3)
    torch.manual_seed(0)
    out = drop(x)
    assert out.unique().tolist() == pytest.approx([0.0, 4 / 3]) and abs(float(out.mean()) - 1) < 0.05
    assert (out.flatten(1) == out[:, :1, 0]).all(), "a row is left out as a whole"
    assert torch.equal(drop.eval()(x), x)


def test_recomputed_activations_give_the_same_gradient() -> None:
    crops, gradients = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(1)), []
    for recompute in (False, True):
        network, _ = tiny()
        network.regularize(0.25, 0.5)
        network.recompute = recompute
        torch.manual_seed(3)
        network.train()(crops).square().sum().backward()
        gradients.append(network.blocks[0].attn.qkv.weight.grad)
    assert gradients[0] is not None and gradients[0].abs().max() > 0
    torch.testing.assert_close(gradients[0], gradients[1])


def test_a_block_takes_a_bias_of_the_logits() -> None:
    block = Block(TINY).eval()
    state = random_state(shapes_of(block))
    block.load_state_dict(state)
    x, bias = torch.randn(1, 5, 16), torch.randn(1, 2, 5, 5)
    with torch.no_grad():
        expected = block_by_hand(x[0], state, "", 2, bias[0])
        torch.testing.assert_close(block(x, bias)[0], expected, rtol=1e-4, atol=1e-5)
