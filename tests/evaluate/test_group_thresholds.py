"""The thresholds that groups need, against plain loops over each group's own pairs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.evaluate.group_thresholds import group_thresholds
from mien.evaluate.protocols.mated import mated
from mien.evaluate.scorefile import Embedded
from mien.pairwise.all_pairs import compare_all
from mien.scores import score_all, similarity
from mien.units import Metric

Make = Callable[..., Embedded]


def unequal(make_embedded: Make) -> Embedded:
    """Every second person has the group `alike`, whose people share a direction."""
    embedded = make_embedded(subjects=120)
    numbers = np.unique(embedded.subjects, return_inverse=True)[1]
    vectors = embedded.embeddings.copy()
    vectors[numbers % 2 == 0, 0] += 1.5
    return replace(
        embedded, embeddings=vectors, strata={"group": tuple("alike" if n % 2 == 0 else "others" for n in numbers)}
    )


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("keep", [1_000_000, 300])
def test_each_group_gets_the_threshold_for_its_own_pairs(make_embedded: Make, metric: Metric, keep: int) -> None:
    embedded = unequal(make_embedded)
    numbers = np.unique(embedded.subjects, return_inverse=True)[1].astype(np.int64)
    group = np.array(embedded.strata["group"])
    pairs = compare_all(embedded.embeddings, numbers, metric, strata=list(group), keep=keep)
    found = group_thresholds(pairs, 0.01)
    similar = similarity(score_all(embedded.embeddings, embedded.embeddings, metric), metric)
    for one in found:
        rows = np.flatnonzero(group == one.name)
        others = similar[np.ix_(rows, rows)][np.triu(numbers[rows][:, None] != numbers[rows][None, :])]
        rate = float((others >= similarity(one.threshold, metric)).mean())
        assert rate <= 0.01 + (0 if keep > 1000 else 0.003) and rate >= 0.006
    assert {one.name for one in found} == {"alike", "others"}
    assert similarity(found[0].threshold, metric) >= similarity(found[1].threshold, metric)
    if metric == "cosine":
        assert found[0].name == "alike"


def test_a_group_that_cannot_show_the_rate_has_no_threshold(make_embedded: Make) -> None:
    embedded = unequal(make_embedded)
    numbers = np.unique(embedded.subjects, return_inverse=True)[1].astype(np.int64)
    pairs = compare_all(embedded.embeddings, numbers, "cosine", strata=list(embedded.strata["group"]))
    assert group_thresholds(pairs, 1e-6) == []


def test_reports_show_what_the_worst_group_needs_and_what_it_costs_everybody(make_embedded: Make) -> None:
    report = mated(unequal(make_embedded)).in_language("en")
    table = next(one for one in report.tables if str(one.title).startswith("The threshold that each group needs"))
    assert [row[0] for row in table.rows] == ["alike", "others", "one threshold for all"]
    price = report.numbers["groups: FNMR if the worst group decides"].value
    usual = report.numbers["groups: FNMR as it is"].value
    assert price is not None and usual is not None and price > usual
    assert "alike" in str(table.note)
