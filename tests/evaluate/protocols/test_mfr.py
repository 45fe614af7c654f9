"""MFR's table: each group at its own threshold over its own pairs, and everybody over all pairs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.errors import ManifestError
from mien.evaluate.protocols.mfr import mfr
from mien.evaluate.scorefile import Embedded

Make = Callable[..., Embedded]


def grouped(make_embedded: Make) -> Embedded:
    made = make_embedded(subjects=160, noise=0.8)
    numbers = [int(name[1:]) for name in made.subjects]
    return replace(
        made,
        texts={"race": tuple(("African", "East Asian")[n % 2] if n > 3 else "" for n in numbers)},
        strata={"sex": tuple(("female", "male")[n // 2 % 2] for n in numbers)},
    )


def plainly(vectors: np.ndarray, subjects: np.ndarray, far: float) -> float:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    mated, others = [], []
    for a in range(len(unit)):
        for b in range(a):
            (mated if subjects[a] == subjects[b] else others).append(float(unit[a] @ unit[b]))
    ranked, allowed = sorted(others, reverse=True), int(far * len(others) + 1e-9)
    limit = (ranked[allowed - 1] + ranked[allowed]) / 2
    return sum(score >= limit for score in mated) / len(mated)


def test_tar_of_each_group_is_that_of_plain_loops(make_embedded: Make) -> None:
    embedded = grouped(make_embedded)
    report = mfr(embedded, far=1e-2)
    race, subjects = np.array(embedded.texts["race"]), np.array(embedded.subjects)
    for name, chosen in (("African", race == "African"), ("East Asian", race == "East Asian"), ("All", race != "?")):
        found = report.numbers[f"tar@far=1e-02 {name}"]
        plain = plainly(embedded.embeddings[chosen].astype(np.float64), subjects[chosen], 1e-2)
        assert found.value == pytest.approx(plain, abs=1e-9)
        assert found.low is not None and found.high is not None and found.low <= plain <= found.high
    shown = report.in_language("en")
    assert [row[0] for row in shown.tables[0].rows] == ["African", "East Asian", "All"]
    assert "no known race" in str(shown.warnings[0])


def test_a_rate_that_a_group_cannot_show_says_how_many_people_are_missing(make_embedded: Make) -> None:
    report = mfr(grouped(make_embedded)).in_language("en")
    for row in report.tables[0].rows:
        assert "more subjects" in str(row[1]) and str(row[2]) in ("0.01", "0.001") and "%" in str(row[3])
    assert not any("1e-06" in name for name in report.numbers)
    assert report.tables[1].rows[-1][1] == 160


def test_columns_are_crossed_and_unknown_ones_named(make_embedded: Make) -> None:
    embedded = grouped(make_embedded)
    report = mfr(embedded, by="race,sex", far=1e-1)
    assert [row[0] for row in report.tables[0].rows[:-1]] == [
        "African female",
        "African male",
        "East Asian female",
        "East Asian male",
    ]
    with pytest.raises(ManifestError, match="choose a column with --by: race, sex"):
        mfr(embedded, by="skin")
    with pytest.raises(ManifestError, match="nobody has two samples"):
        single = grouped(make_embedded)
        mfr(single.take(np.unique(single.subjects, return_index=True)[1]))
