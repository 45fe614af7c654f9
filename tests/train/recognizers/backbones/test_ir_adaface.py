"""IR and IR-SE as AdaFace, CVLface and TFace have them: a state dict in their names, and the sums by hand from it."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch.nn.functional as F  # noqa: E402, N812 - torch's own name for it
from made_up import norm_by_name, random_state, shapes_of  # noqa: E402

from mien.train.recognizers.backbones.ir_adaface import BottleneckUnit, Unit  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402

UNITS = {18: [2, 2, 2, 2], 50: [3, 4, 14, 3], 100: [3, 13, 30, 3], 152: [3, 8, 36, 3], 200: [3, 24, 36, 3]}

PARAMETERS = {"ir18-adaface": 24.0, "ir50-adaface": 43.6, "ir100-adaface": 65.2}
"""Millions; arcface_torch's networks of these depths, with as many norms, have as many."""


def norm_shapes(name: str, width: int, affine: bool = True) -> dict[str, tuple[int, ...]]:
    affine_shapes = {f"{name}.weight": (width,), f"{name}.bias": (width,)} if affine else {}
    return affine_shapes | {
        f"{name}.running_mean": (width,),
        f"{name}.running_var": (width,),
        f"{name}.num_batches_tracked": (),
    }


def published_shapes(depth: int, squeeze: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes as the public code gives them."""
    deep = depth > 100
    shapes: dict[str, tuple[int, ...]] = {"input_layer.0.weight": (64, 3, 3, 3), "input_layer.2.weight": (64,)}
    shapes |= norm_shapes("input_layer.1", 64)
    before, number = 64, 0
    for stage, count in enumerate(UNITS[depth]):
        width = (256 if deep else 64) * 2**stage
        for _ in range(count):
            unit, inside = f"body.{number}.res_layer", width // 4
            shapes |= norm_shapes(f"{unit}.0", before)
            if deep:
                shapes |= {f"{unit}.1.weight": (inside, before, 1, 1), f"{unit}.3.weight": (inside,)}
                shapes |= norm_shapes(f"{unit}.2", inside) | norm_shapes(f"{unit}.5", inside)
                shapes |= {f"{unit}.4.weight": (inside, inside, 3, 3), f"{unit}.6.weight": (inside,)}
                shapes |= {f"{unit}.7.weight": (width, inside, 1, 1)} | norm_shapes(f"{unit}.8", width)
            else:
                shapes |= {f"{unit}.1.weight": (width, before, 3, 3), f"{unit}.3.weight": (width,)}
                shapes |= {f"{unit}.4.weight": (width, width, 3, 3)}
                shapes |= norm_shapes(f"{unit}.2", width) | norm_shapes(f"{unit}.5", width)
            if squeeze:
                shapes[f"{unit}.se_block.fc1.weight"] = (width // 16, width, 1, 1)
                shapes[f"{unit}.se_block.fc2.weight"] = (width, width // 16, 1, 1)
            if before != width:
                shapes[f"body.{number}.shortcut_layer.0.weight"] = (width, before, 1, 1)
                shapes |= norm_shapes(f"body.{number}.shortcut_layer.1", width)
            before, number = width, number + 1
    shapes |= norm_shapes("output_layer.0", before)
    shapes |= {"output_layer.3.weight": (512, before * 49), "output_layer.3.bias": (512,)}
    return shapes | norm_shapes("output_layer.4", 512, affine=False)


@pytest.mark.parametrize("squeeze", [False, True])
@pytest.mark.parametrize("depth", UNITS)
def test_names_and_shapes_are_the_public_ones(depth: int, squeeze: bool) -> None:
    with torch.device("meta"):
        network = build(f"ir{'-se' if squeeze else ''}{depth}-adaface", 512)
    assert shapes_of(network) == published_shapes(depth, squeeze)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_as_many_as_published(name: str) -> None:
    with torch.device("meta"):
        assert round(sum(p.numel() for p in build(name, 512).parameters()) / 1e6, 1) == PARAMETERS[name]


def unit_by_hand(x: "torch.Tensor", state: dict[str, "torch.Tensor"], number: int, stride: int) -> "torch.Tensor":
    unit = f"body.{number}.res_layer"
    inner = norm_by_name(x, state, f"{unit}.0")
    if f"{unit}.7.weight" in state:
        inner = norm_by_name(F.conv2d(inner, state[f"{unit}.1.weight"]), state, f"{unit}.2")
        inner = F.prelu(inner, state[f"{unit}.3.weight"])
        inner = norm_by_name(F.conv2d(inner, state[f"{unit}.4.weight"], padding=1), state, f"{unit}.5")
        inner = F.prelu(inner, state[f"{unit}.6.weight"])
        inner = norm_by_name(F.conv2d(inner, state[f"{unit}.7.weight"], stride=stride), state, f"{unit}.8")
    else:
        inner = norm_by_name(F.conv2d(inner, state[f"{unit}.1.weight"], padding=1), state, f"{unit}.2")
        inner = F.prelu(inner, state[f"{unit}.3.weight"])
        inner = F.conv2d(inner, state[f"{unit}.4.weight"], stride=stride, padding=1)
        inner = norm_by_name(inner, state, f"{unit}.5")
    if f"{unit}.se_block.fc1.weight" in state:
        means = inner.mean((2, 3), keepdim=True)
        inside = torch.relu(F.conv2d(means, state[f"{unit}.se_block.fc1.weight"]))
        inner = inner * torch.sigmoid(F.conv2d(inside, state[f"{unit}.se_block.fc2.weight"]))
    skip, name = x[:, :, ::stride, ::stride], f"body.{number}.shortcut_layer"
    if f"{name}.0.weight" in state:
        skip = norm_by_name(F.conv2d(x, state[f"{name}.0.weight"], stride=stride), state, f"{name}.1")
    return skip + inner


@pytest.mark.parametrize("squeeze", [False, True])
@pytest.mark.parametrize("kind", [Unit, BottleneckUnit])
@pytest.mark.parametrize(("width", "stride"), [(16, 1), (16, 2), (32, 1), (32, 2)])
def test_a_unit_has_a_norm_after_each_convolution(
    width: int, stride: int, kind: type[Unit | BottleneckUnit], squeeze: bool
) -> None:
    unit = kind(16, width, stride, squeeze).eval()
    state = random_state(shapes_of(unit))
    unit.load_state_dict(state)
    x = torch.randn(2, 16, 8, 10, generator=torch.Generator().manual_seed(1))
    named = {f"body.0.{name}": value for name, value in state.items()}
    with torch.no_grad():
        torch.testing.assert_close(unit(x), unit_by_hand(x, named, 0, stride), rtol=1e-4, atol=1e-5)


def test_the_embedding_is_the_one_that_the_weights_give_by_hand() -> None:
    network = build("ir18-adaface", 16).eval()
    shapes = published_shapes(18, False) | {"output_layer.3.weight": (16, 512 * 49), "output_layer.3.bias": (16,)}
    state = random_state(shapes | norm_shapes("output_layer.4", 16, affine=False))
    network.load_state_dict(state)
    x = torch.randn(1, 3, 112, 112, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        inner = F.conv2d(x, state["input_layer.0.weight"], padding=1)
        inner = F.prelu(norm_by_name(inner, state, "input_layer.1"), state["input_layer.2.weight"])
        for number in range(8):
            inner = unit_by_hand(inner, state, number, 2 if number % 2 == 0 else 1)
        inner = norm_by_name(inner, state, "output_layer.0").flatten(1)
        inner = inner @ state["output_layer.3.weight"].T + state["output_layer.3.bias"]
        expected = norm_by_name(inner, state, "output_layer.4")
        found = network(x)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.std()))
