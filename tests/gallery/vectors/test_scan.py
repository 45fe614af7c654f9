"""A look at every vector finds the nearest, ties included, and misses none that is there."""

from collections.abc import Iterator, Sequence

import numpy as np

from mien.gallery.vectors.scan import compare_all
from mien.types import floats


class Listed:
    """Vectors in a dictionary; compare_all asks for nothing else."""

    def __init__(self, held: dict[str, np.ndarray]) -> None:
        self.held = held

    def ids(self, *, older_than: float = 0) -> Iterator[list[str]]:
        names = sorted([*self.held, "gone"])
        yield names[:3]
        yield names[3:]

    def get(self, ids: Sequence[str]) -> np.ndarray:
        return np.stack([self.held.get(one, np.full(2, np.nan, np.float32)) for one in ids])


def test_the_nearest_of_all_blocks_come_with_those_that_are_as_near() -> None:
    held = {name: floats([x, 0]) for name, x in (("a", 1), ("b", 5), ("c", 2), ("d", 2), ("e", 9))}
    first, second = compare_all(Listed(held), floats([[0, 0], [9, 0]]), 2, "l2")
    assert sorted(first.ids) == ["a", "c", "d"] and sorted(second.ids) == ["b", "e"]
    assert np.array_equal(first.vectors, np.stack([held[one] for one in first.ids]))
