"""The choice of classes: the same however they are shared out, all of the batch, others equally likely."""

from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.compute.distributed import slice_of  # noqa: E402
from mien.train.recognizers.class_choice import BLOCK, chances, choose_classes, scramble  # noqa: E402

CPU = torch.device("cpu")


def chosen(
    shown: list[int], classes: int, rate: float, numbers: tuple[int, int] = (1, 1), own: tuple[int, int] | None = None
) -> list[int]:
    """Classes, counted from the first of all."""
    first, last = own or (0, classes)
    found = choose_classes(np.unique(np.array(shown)), classes, rate, numbers, (first, last), CPU)
    assert found.dtype == torch.int64 and len(found) > 0
    return [first + number for number in found.tolist()]


@pytest.mark.parametrize("size", [2, 3, 8])
@pytest.mark.parametrize("rate", [0.1, 0.31])
def test_the_choice_does_not_depend_on_how_classes_are_shared_out(size: int, rate: float) -> None:
    classes, shown = 5 * BLOCK + 321, [7, 8, 9, BLOCK, 3 * BLOCK - 1, 5 * BLOCK + 320]
    whole = chosen(shown, classes, rate)
    parts = [chosen(shown, classes, rate, own=slice_of(classes, rank, size)) for rank in range(size)]
    assert [number for part in parts for number in part] == whole
    assert set(shown) <= set(whole) and all(a < b for a, b in pairwise(whole))
    assert len(whole) == 5 * int(rate * BLOCK) + int(rate * 321)


def test_a_block_of_which_the_batch_shows_more_than_its_share_has_those_alone() -> None:
    shown = list(range(BLOCK, BLOCK + 500))
    whole = chosen(shown, 3 * BLOCK, 0.1)
    assert [number for number in whole if number // BLOCK == 1] == shown
    assert [sum(number // BLOCK == block for number in whole) for block in (0, 2)] == [409, 409]
    halves = [chosen(shown, 3 * BLOCK, 0.1, own=slice_of(3 * BLOCK, rank, 2)) for rank in range(2)]
    assert halves[0] + halves[1] == whole


def test_another_step_and_another_seed_draw_others() -> None:
    drawn = {
        numbers: set(chosen([3], 2 * BLOCK, 0.2, numbers))
        for numbers in ((1, 1), (1, 2), (2, 1), (2, 2), (1, 1 << 40))
    }
    for one, other in pairwise(drawn.values()):
        # By chance a fifth of a fifth is in both.
        assert 0.12 < len(one & other) / len(one) < 0.28
    assert drawn[1, 1] == set(chosen([3], 2 * BLOCK, 0.2, (1, 1)))


def test_every_class_takes_part_equally_often_next_to_every_other_one() -> None:
    steps, rate = 600, 0.25
    seen = np.zeros((steps, 2 * BLOCK), bool)
    for step in range(steps):
        seen[step, chosen([0], 2 * BLOCK, rate, (5, step))] = True
    often = seen.mean(axis=0)[1:]
    deviation = (rate * (1 - rate) / steps) ** 0.5
    assert abs(often - rate).max() < 5 * deviation
    assert often.std() == pytest.approx(deviation, rel=0.05)
    neighbours = (seen[:, 1:-1] & seen[:, 2:]).mean()
    assert neighbours == pytest.approx(rate**2, rel=0.01)


def test_a_process_without_a_drawn_class_has_one_to_compare_with() -> None:
    assert chosen([0, 1, 2, 3], 40, 0.05, own=(20, 40)) == [20]


def test_the_hash_loses_no_number_and_is_the_same_on_host_and_device() -> None:
    numbers = np.arange(200_000, dtype=np.int64) * 21_473
    found = scramble(numbers)
    assert len(np.unique(found)) == len(numbers) and found.min() >= 0 and found.max() < 1 << 32
    for number in (0, 1, 123_456_789, 0xFFFFFFFF):
        x = number
        for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97), (15, 1)):
            x = (x ^ x >> shift) * factor % (1 << 32)
        assert int(scramble(np.array([number]))[0]) == x
    classes, key = np.arange(BLOCK), (1 << 62) + 12_345
    drawn = chances(classes, key)
    assert len(np.unique(drawn)) == BLOCK and drawn.max() < 1 << 44
    assert torch.equal(chances(torch.from_numpy(classes), key), torch.from_numpy(drawn))
