"""MiniFASNet from its weights, against the network written down in torch after the publisher's own source."""

from pathlib import Path

import numpy as np
import pytest

from mien.errors import CardError
from mien.models.card import InputSpec
from mien.models.minifasnet import convert_minifasnet, is_minifasnet
from mien.models.network_file import read_network_file
from mien.models.session import open_unchecked
from mien.models.torch_weights import Weights

torch = pytest.importorskip("torch")
nn = torch.nn

AS_THEY_ARE = InputSpec(colour="BGR", mean=(0.0, 0.0, 0.0), scale=(1.0, 1.0, 1.0), width=80, height=80)


def linear_block(before: int, after: int, kernel: int = 1, **more: int) -> nn.Sequential:
    block = nn.Sequential()
    block.add_module("conv", nn.Conv2d(before, after, kernel, bias=False, **more))
    block.add_module("bn", nn.BatchNorm2d(after))
    return block


def conv_block(before: int, after: int, kernel: int = 1, **more: int) -> nn.Sequential:
    block = linear_block(before, after, kernel, **more)
    block.add_module("prelu", nn.PReLU(after))
    return block


class Excitation(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.bn1 = nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden)
        self.fc2, self.bn2 = nn.Conv2d(hidden, channels, 1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.bn2(self.fc2(torch.relu(self.bn1(self.fc1(mean))))))


class Block(nn.Module):
    def __init__(self, before: int, wide: int, after: int, stride: int, hidden: int) -> None:
        super().__init__()
        self.conv = conv_block(before, wide)
        self.conv_dw = conv_block(wide, wide, 3, stride=stride, padding=1, groups=wide)
        self.project = linear_block(wide, after)
        if hidden:
            self.se_module = Excitation(after, hidden)
        self.shortcut = stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.project(self.conv_dw(self.conv(x)))
        y = self.se_module(y) if hasattr(self, "se_module") else y
        return x + y if self.shortcut else y


class Group(nn.Module):
    def __init__(self, channels: int, widths: tuple[int, ...], hidden: int) -> None:
        super().__init__()
        last = len(widths) - 1
        blocks = [Block(channels, wide, channels, 1, hidden if i == last else 0) for i, wide in enumerate(widths)]
        self.model = nn.Sequential(*blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class MiniFASNet(nn.Module):
    def __init__(self, groups: tuple[tuple[int, ...], ...], hidden: tuple[int, int, int]) -> None:
        super().__init__()
        self.conv1 = conv_block(3, 32, 3, stride=2, padding=1)
        self.conv2_dw = conv_block(32, 32, 3, padding=1, groups=32)
        self.conv_23, self.conv_3 = Block(32, 103, 64, 2, 0), Group(64, groups[0], hidden[0])
        self.conv_34, self.conv_4 = Block(64, 231, 128, 2, 0), Group(128, groups[1], hidden[1])
        self.conv_45, self.conv_5 = Block(128, 308, 128, 2, 0), Group(128, groups[2], hidden[2])
        self.conv_6_sep = conv_block(128, 512)
        self.conv_6_dw = linear_block(512, 512, 5, groups=512)
        self.linear, self.bn, self.prob = (
            nn.Linear(512, 128, bias=False),
            nn.BatchNorm1d(128),
            nn.Linear(128, 3, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv_3(self.conv_23(self.conv2_dw(self.conv1(x))))
        x = self.conv_5(self.conv_45(self.conv_4(self.conv_34(x))))
        return self.prob(self.bn(self.linear(self.conv_6_dw(self.conv_6_sep(x)).flatten(1))))


NETWORKS = {
    "minifasnet_v2_2.7": (((13, 13, 13, 13), (231, 52, 26, 77, 26, 26), (26, 26)), (0, 0, 0)),
    "minifasnet_v1se_4.0": (((13, 26, 13, 52), (154, 52, 26, 52, 26, 26), (26, 26)), (16, 32, 32)),
}


def made(name: str) -> MiniFASNet:
    """The network with drawn weights and statistics."""
    torch.manual_seed(3)
    network = MiniFASNet(*NETWORKS[name])
    for key, value in network.state_dict().items():
        if key.endswith(("running_mean", "bias")):
            value.normal_(0, 0.2)
        elif key.endswith(("running_var", "bn.weight", "bn1.weight", "bn2.weight")):
            value.uniform_(0.5, 1.5)
    return network.eval()


def weights_of(network: nn.Module, prefix: str = "module.") -> Weights:
    return {prefix + key: value.numpy() for key, value in network.state_dict().items()}


def answers(data: bytes, images: np.ndarray) -> np.ndarray:
    return open_unchecked(data, AS_THEY_ARE).run(images)[0]


def expected(network: nn.Module, images: np.ndarray) -> np.ndarray:
    blue_first = np.ascontiguousarray(images[..., ::-1].transpose(0, 3, 1, 2)).astype(np.float32)
    with torch.no_grad():
        return network(torch.from_numpy(blue_first)).numpy()


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 80, 80, 3), np.uint8)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("prefix", ["module.", ""])
def test_the_written_graph_gives_what_torch_gives(name: str, prefix: str, images: np.ndarray) -> None:
    network = made(name)
    weights = weights_of(network, prefix)
    assert is_minifasnet(weights)
    expectation = expected(network, images)
    np.testing.assert_allclose(
        answers(convert_minifasnet(weights, name), images), expectation, atol=1e-3 * np.abs(expectation).max()
    )


def test_weights_of_another_network_are_refused() -> None:
    weights = weights_of(made("minifasnet_v2_2.7"))
    assert not is_minifasnet({"conv1.weight": np.zeros(1)})
    with pytest.raises(CardError, match=r"x has weights that a MiniFASNet does not have: conv_9\.weight"):
        convert_minifasnet(weights | {"module.conv_9.weight": np.zeros(1)}, "x")
    del weights["module.conv_4.model.2.conv.bn.bias"]
    with pytest.raises(CardError, match=r"x has no weight conv_4\.model\.2\.conv\.bn\.bias"):
        convert_minifasnet(weights, "x")


@pytest.mark.real
@pytest.mark.parametrize("name", NETWORKS)
def test_the_publishers_weights_fit_key_by_key(name: str, data: Path, images: np.ndarray) -> None:
    path = data / "models" / f"{name}.pth"
    state = torch.load(path, map_location="cpu", weights_only=True)
    network = MiniFASNet(*NETWORKS[name])
    network.load_state_dict({key.removeprefix("module."): value for key, value in state.items()}, strict=True)
    expectation = expected(network.eval(), images)
    np.testing.assert_allclose(
        answers(read_network_file(path).data, images), expectation, atol=1e-3 * np.abs(expectation).max()
    )
