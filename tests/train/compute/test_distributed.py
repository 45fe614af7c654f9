"""One process among several, and one alone."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import RecipeError  # noqa: E402
from mien.train.compute.distributed import ALONE, joined, slice_of  # noqa: E402


@pytest.mark.parametrize(("count", "size"), [(10, 3), (3, 4), (12, 4), (0, 2)])
def test_shares_cover_everything_once_and_differ_by_at_most_one(count: int, size: int) -> None:
    shares = [range(*slice_of(count, rank, size)) for rank in range(size)]
    assert [number for share in shares for number in share] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_everything_stays_as_it_is() -> None:
    value = torch.arange(3.0, requires_grad=True)
    for function in (ALONE.sum, ALONE.maximum, ALONE.gather, ALONE.gather_with_gradient, ALONE.sum_with_gradient):
        assert function(value) is value
    assert ALONE.slice_of(7) == (0, 7)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(RecipeError, match="torch sees no GPU; set it to auto or cpu"), joined("cuda"):
        pass
    with joined("auto") as world:
        assert (world.rank, world.size, world.device.type) == (0, 1, "cpu")
