"""Lists of pairs as a report."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.data.pairs import Pair, write_pairs
from mien.errors import ManifestError
from mien.evaluate.protocols.verification import evaluate_pairs, verification
from mien.evaluate.scorefile import Embedded
from mien.messages import text_of

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


def test_a_bad_row_and_an_absent_image_lose_no_other_pair(
    make_embedded: Callable[..., Embedded], list_pairs: Callable[[Embedded], list[Pair]], tmp_path: Path
) -> None:
    embedded = make_embedded()
    pairs = list_pairs(embedded)
    write_pairs(pairs, tmp_path / "p.csv")
    whole = verification(embedded, pairs=tmp_path / "p.csv")
    assert "pairs left out" not in whole.numbers
    with (tmp_path / "p.csv").open("a") as stream:
        stream.write("x,y,perhaps\ngone/1.jpg,gone/2.jpg,1,0\n")
    report = verification(embedded, pairs=tmp_path / "p.csv")
    assert report.numbers["pairs"] == whole.numbers["pairs"] and report.numbers["auc"] == whole.numbers["auc"]
    assert report.numbers["pairs left out"].value == 2
    assert "2 rows of the list are left out; the first: " in text_of(report.warnings[-1], "en")
    (tmp_path / "q.csv").write_text("a,b,mated\n" + "gone/1.jpg,gone/2.jpg,1\n" * 3)
    with pytest.raises(ManifestError, match=r"q\.csv, pair 1: gone/1\.jpg is not in .* \(3 of 3 pairs name"):
        verification(embedded, pairs=tmp_path / "q.csv")
