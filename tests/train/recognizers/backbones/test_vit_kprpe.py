"""Vision transformers with KP-RPE: the buckets and the bias by hand, and weights in CVLface's names."""

import math

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import random_state, shapes_of  # noqa: E402
from vit_by_hand import (  # noqa: E402
    SIZES,
    block_by_hand,
    layer_norm_by_hand,
    patches_by_hand,
    project_by_hand,
    published_shapes,
)

from mien.errors import RecipeError  # noqa: E402
from mien.train.compute.counting import count_forward  # noqa: E402
from mien.train.recognizers.backbones.crop_landmarks import CropLandmarks  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.recognizers.backbones.vit import ViT, VitSize  # noqa: E402
from mien.train.recognizers.backbones.vit_kprpe import ViTKPRPE, bucket, buckets  # noqa: E402

POSE = [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
"""Eyes, nose and corners of the mouth in pixels of a crop, about which landmarks are drawn."""


@pytest.mark.parametrize(("name", "heads"), [("vit-s-kprpe", 8), ("vit-b-kprpe", 16)])
def test_names_and_shapes_are_the_public_ones(name: str, heads: int) -> None:
    size = SIZES[name.replace("kprpe", "cvlface")]
    rows = 49 * heads * size[2]
    with torch.device("meta"):
        found = shapes_of(build(name, 512))
    assert found == published_shapes(*size) | {
        "keypoint_linear.weight": (rows, 10),
        "keypoint_linear.bias": (rows,),
    }


def test_buckets_are_exact_near_and_coarse_far() -> None:
    """iRPE's equation 18 with alpha 1.9, beta 3.8 and gamma 15.2, rounded and cut at 3 as the public code does."""
    for distance in range(-13, 14):
        size = abs(distance)
        expected = size
        if size > 1.9:
            expected = int(min(3.8, round(1.9 + math.log(size / 1.9) / math.log(8) * 1.9)))
        assert bucket(distance) == math.copysign(expected, distance)
    assert [bucket(d) for d in (0, 1, 2, 3, 4, 13)] == [0, 1, 2, 2, 3, 3]


def test_a_pairs_bucket_is_row_times_seven_plus_column() -> None:
    found = buckets(5)
    assert found.shape == (25, 25)
    for query in range(25):
        for key in range(25):
            down, right = query // 5 - key // 5, query % 5 - key % 5
            assert found[query, key] == (bucket(down) + 3) * 7 + bucket(right) + 3


TINY = VitSize(patch=28, width=16, depth=4, heads=2, widening=3, masking=0.0)
SHAPES = published_shapes(28, 16, 4, 3, embedding=8) | {
    "keypoint_linear.weight": (49 * 8, 10),
    "keypoint_linear.bias": (49 * 8,),
}


def tiny() -> tuple[ViTKPRPE, dict[str, "torch.Tensor"]]:
    network, state = ViTKPRPE(TINY, 8), random_state(SHAPES)
    network.load_state_dict(state)
    return network.eval(), state


def bias_by_hand(state: dict[str, "torch.Tensor"], points: "torch.Tensor", block: int) -> "torch.Tensor":
    """Of one block, for a 4x4 grid and two heads: (2, 16, 16)."""
    bias = torch.zeros(2, 16, 16)
    for query in range(16):
        middle = torch.tensor([query % 4 + 0.5, query // 4 + 0.5]) / 4
        away = torch.cat([middle - point for point in points])
        table = state["keypoint_linear.weight"] @ away + state["keypoint_linear.bias"]
        for head in range(2):
            for key in range(16):
                down, right = query // 4 - key // 4, query % 4 - key % 4
                place = (bucket(down) + 3) * 7 + bucket(right) + 3
                bias[head, query, key] = table[(block * 2 + head) * 49 + place]
    return bias


def test_a_tiny_one_gives_what_its_weights_and_landmarks_give_by_hand() -> None:
    network, state = tiny()
    generator = torch.Generator().manual_seed(1)
    crops = torch.randn(2, 3, 112, 112, generator=generator)
    points = torch.tensor(POSE) / 112 + torch.randn(2, 5, 2, generator=generator) * 0.1
    with torch.no_grad():
        for crop, own, found in zip(crops, points, network(crops, points), strict=True):
            inner = patches_by_hand(crop, state, 28)
            for number in range(4):
                inner = block_by_hand(inner, state, f"blocks.{number}.", 2, bias_by_hand(state, own, number))
            expected = project_by_hand(layer_norm_by_hand(inner, state, "norm"), state)[0]
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_landmarks_are_found_in_the_crop_in_training_and_in_use() -> None:
    network, _ = tiny()
    crops = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(2))
    points = CropLandmarks()(crops)
    with torch.no_grad():
        for mode in (network, network.train(mode=True)):
            torch.manual_seed(0)
            found = mode(crops)
            torch.manual_seed(0)
            torch.testing.assert_close(found, mode(crops, points), rtol=1e-4, atol=1e-5)
        network.eval()
        assert (network(crops) - network(crops, points + 0.1)).abs().max() > 1e-3, "landmarks matter"


def test_landmarks_are_found_in_rgb_whatever_order_the_network_takes() -> None:
    network, _ = tiny()
    crops = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(3))
    network.spec = network.spec.with_colour("BGR")
    with torch.no_grad():
        expected = network(crops, CropLandmarks()(crops.flip(1)))
        torch.testing.assert_close(network(crops), expected, rtol=1e-4, atol=1e-5)
        assert not torch.equal(CropLandmarks()(crops), CropLandmarks()(crops.flip(1)))


def test_finding_landmarks_adds_nothing_to_what_a_checkpoint_has() -> None:
    network, _ = tiny()
    assert set(network.state_dict()) == set(SHAPES)
    assert all(network.stage_of(name) >= 0 for name, _ in network.named_parameters())


def test_a_plan_counts_the_memory_of_the_biases() -> None:
    with torch.device("meta"):
        plain, bent = ViT(TINY, 8).eval(), ViTKPRPE(TINY, 8).eval()
    (operations, numbers), (plain_operations, plain_numbers) = count_forward(bent, 112), count_forward(plain, 112)
    # A crop has 5 points, and 16 x 16 pairs of patches in 4 blocks of 2 heads, with 49 values for each patch.
    assert numbers - plain_numbers == 10 + 4 * 2 * (16 * 16 + 16 * 49)
    assert operations > plain_operations


def test_patches_cannot_be_left_out() -> None:
    with pytest.raises(RecipeError, match=r"model.masking does not work with KP-RPE.*set it to 0"):
        ViTKPRPE(TINY, 8).regularize(0.1, None)
