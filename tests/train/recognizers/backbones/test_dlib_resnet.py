"""dlib's ResNet: its block by hand, dlib's weights by their names, and the embeddings of the shipped model."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch.nn.functional as F  # noqa: E402, N812 - torch's own name for it

from mien.models import store  # noqa: E402
from mien.models.defaults import DEFAULTS, read_weights  # noqa: E402
from mien.models.dlib_resnet import BLOCKS, Convolution, Layers, read_layers  # noqa: E402
from mien.models.options import EngineOptions  # noqa: E402
from mien.train.recognizers.backbones.dlib_resnet import DlibBlock, DlibResNet, state_of  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402


def test_dlibs_resnet_gives_the_shipped_models_embeddings() -> None:
    default = DEFAULTS["dlib-resnet"]
    network = build("dlib-resnet", 128).eval()
    network.load_state_dict(state_of(read_layers(read_weights(default.package, default.parts["model"]))))
    crops = np.random.default_rng(0).integers(0, 256, (2, 150, 150, 3), np.uint8)
    mean, scale = (torch.tensor(values) for values in (network.spec.mean, network.spec.scale))
    with torch.no_grad():
        here = network(((torch.from_numpy(crops).float() - mean) / scale).permute(0, 3, 1, 2)).numpy()
    there = store.load("dlib-resnet").session(options=EngineOptions(precision="f32")).run(crops)[0]
    np.testing.assert_allclose(here, there, atol=1e-5)


@pytest.mark.parametrize(("width", "down", "side"), [(4, False, 9), (4, True, 9), (7, True, 9), (7, True, 10)])
def test_what_a_sum_lacks_is_zero(width: int, down: bool, side: int) -> None:
    torch.manual_seed(0)
    block, x = DlibBlock(4, width, down), torch.randn(2, 4, side, side)
    stride, padding = (2, 0) if down else (1, 1)
    inner = F.conv2d(x, block.conv1.weight, block.conv1.bias, stride=stride, padding=padding).relu()
    inner = F.conv2d(inner, block.conv2.weight, block.conv2.bias, padding=1)
    skip = F.avg_pool2d(x, 2) if down else x
    wanted = torch.zeros(2, width, *skip.shape[2:])
    wanted[:, :, : inner.shape[2], : inner.shape[3]] += inner.detach()
    wanted[:, :4] += skip
    with torch.no_grad():
        torch.testing.assert_close(block(x), wanted.relu())


def test_weights_are_named_from_the_input_to_the_output() -> None:
    generator = np.random.default_rng(0)
    network = DlibResNet()
    shapes = [part.weight.shape for part in network.modules() if isinstance(part, torch.nn.Conv2d)]
    assert len(shapes) == 29 == 1 + 2 * len(BLOCKS)
    convolutions = tuple(
        Convolution(generator.normal(size=shape).astype("f4"), generator.normal(size=shape[0]).astype("f4"), 1, 0)
        for shape in shapes
    )
    matrix = generator.normal(size=(256, 128)).astype("f4")
    state = state_of(Layers(convolutions, matrix))
    network.load_state_dict(state)
    assert torch.equal(state["fc.weight"], torch.from_numpy(matrix.T.copy()))
    for name, number in (("stem", 0), ("blocks.0.conv1", 1), ("blocks.0.conv2", 2), ("blocks.13.conv2", 28)):
        assert np.array_equal(state[f"{name}.weight"].numpy(), convolutions[number].weight)
        assert np.array_equal(state[f"{name}.bias"].numpy(), convolutions[number].bias)


def test_it_gives_the_same_in_training_as_in_use() -> None:
    torch.manual_seed(0)
    network, crops = DlibResNet(16), torch.randn(2, 3, 150, 150)
    with torch.no_grad():
        torch.testing.assert_close(network.train()(crops), network.eval()(crops))
    assert not list(network.buffers()), "it has no statistics"
    assert (network.spec.size, network.spec.template) == (150, "dlib")
