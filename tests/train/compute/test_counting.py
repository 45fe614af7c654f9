"""Operations and activations of a network whose counts are known."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.compute.counting import count_forward  # noqa: E402


def test_each_multiplication_is_two_operations_and_each_layers_numbers_count() -> None:
    with torch.device("meta"):
        network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1, bias=False), torch.nn.ReLU())
    operations, numbers = count_forward(network, 8)
    assert operations == 2 * (8 * 8 * 4) * (3 * 3 * 3)
    assert numbers == 2 * (8 * 8 * 4)
    assert not any(module._forward_hooks for module in network.modules()), "nothing is left on the network"
