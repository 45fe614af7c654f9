"""Leaving out the most similar comparisons."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.pairwise.all_pairs import compare_all, without_best
from mien.pairwise.rates_at import fmr_at, threshold_at
from mien.types import Floats


@pytest.mark.parametrize("keep", [50, 10_000])
def test_it_is_as_if_they_had_never_been_compared(
    world: Callable[..., tuple[Floats, np.ndarray, list[str]]],
    plain: Callable[..., dict[tuple[int, int], tuple[float, bool]]],
    metric: str,
    keep: int,
) -> None:
    embeddings, numbers, _ = world(3)
    everything = compare_all(embeddings, numbers, metric, keep=keep)  # type: ignore[arg-type]
    rest = without_best(everything, 7)
    apart = sorted((score for score, mated in plain(embeddings, numbers, metric).values() if not mated), reverse=True)
    assert rest.nonmated == len(apart) - 7 == everything.nonmated - 7
    assert rest.tail[:20] == pytest.approx(np.array(apart[7:27]), abs=1e-4)
    assert (rest.histogram >= 0).all()
    threshold = threshold_at(rest, 20 / rest.nonmated)
    assert fmr_at(rest, threshold).value == pytest.approx(20 / rest.nonmated)
    assert without_best(everything, 0).histogram.tolist() == everything.histogram.tolist()
