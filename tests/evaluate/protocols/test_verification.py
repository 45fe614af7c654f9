"""Lists of pairs as a report."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mien.data.pairs import Pair
from mien.evaluate.protocols.verification import evaluate_pairs
from mien.evaluate.scorefile import Embedded

Make = Callable[..., Embedded]


def test_a_pair_with_a_lost_sample_counts_as_an_error(
    make_embedded: Make, list_pairs: Callable[[Embedded], list[Pair]]
) -> None:
    embedded = make_embedded()
    pairs = list_pairs(embedded)
    lost = embedded.names[0]
    kept = embedded.take(np.arange(1, len(embedded)))
    failing = replace(kept, failed={"no face": 1}, failures=((lost, "no face", ""),))
    report = evaluate_pairs(failing, pairs, "pairs.csv").in_language("en")
    count = sum(lost in (pair.a, pair.b) for pair in pairs)
    assert report.numbers["pairs without an embedding"].value == count > 0
    assert f"{count} pairs have a sample without an embedding" in str(report.warnings[0])
    assert report.about.not_embedded == {"no face": 1}
