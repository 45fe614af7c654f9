"""BatchNorm over processes, and frozen BatchNorm."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.compute.norms import SynchronizedBatchNorm, freeze, synchronize  # noqa: E402


def make() -> "torch.nn.Sequential":
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Sequential(torch.nn.BatchNorm2d(4)))


def test_with_one_process_it_is_torchs_batchnorm() -> None:
    plain, synchronized, x = make(), make(), torch.randn(5, 3, 2, 2)
    synchronize(synchronized, ALONE)
    assert isinstance(synchronized[1][0], SynchronizedBatchNorm)
    for mode in (True, False):
        torch.testing.assert_close(synchronized.train(mode)(x), plain.train(mode)(x), rtol=1e-5, atol=1e-5)
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(synchronized.state_dict()[key], value)


@pytest.mark.parametrize("wrap", [False, True])
def test_frozen_statistics_stay_until_the_network_trains_again(wrap: bool) -> None:
    network = make()
    if wrap:
        synchronize(network, ALONE)
    network.train()
    freeze(network)
    network(torch.randn(5, 3, 2, 2))
    assert network[1][0].running_mean.abs().sum() == 0
    network.train()
    network(torch.randn(5, 3, 2, 2))
    assert network[1][0].running_mean.abs().sum() > 0
