"""Groups in reports: one whose people look alike stands out, in the table, the summaries and the matrix."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.evaluate.charts import draw
from mien.evaluate.protocols.group_sections import group_section
from mien.evaluate.protocols.impostor import impostor
from mien.evaluate.protocols.mated import mated
from mien.evaluate.scorefile import Embedded
from mien.pairwise.all_pairs import compare_all
from mien.pairwise.operating_points import operating_points

Make = Callable[..., Embedded]


@pytest.fixture
def unequal(make_embedded: Make) -> Embedded:
    """Every second person has the group `alike`, whose people share a direction."""
    embedded = make_embedded(subjects=120)
    numbers = np.unique(embedded.subjects, return_inverse=True)[1]
    alike = numbers % 2 == 0
    vectors = embedded.embeddings.copy()
    vectors[alike, 0] += 1.5
    group = tuple("alike" if own else "others" for own in alike)
    return replace(embedded, embeddings=vectors, strata={"group": group})


def test_the_group_that_looks_alike_is_seen_at_once(unequal: Embedded) -> None:
    report = mated(unequal).in_language("en")
    table = next(one for one in report.tables if one.title.startswith("Groups, at the threshold"))
    assert [row[0] for row in table.rows] == ["alike", "others"] and table.rows[0][1] == 60
    ratio = report.numbers["groups: FMR max over min"].value
    assert ratio is not None and ratio > 3 and "How unequal the groups are" in [one.title for one in report.tables]
    (chart,) = (one for one in report.charts if one.kind == "matrix")
    own, across = chart.series[0].y[0], chart.series[0].y[1]
    assert own > across and chart.series[1].y[0] == across
    assert draw(chart, "en").png.startswith(b"\x89PNG")


def test_strangers_alone_have_groups_without_misses(unequal: Embedded) -> None:
    report = impostor(unequal).in_language("en")
    assert any(one.kind == "matrix" for one in report.charts)
    table = next(one for one in report.tables if one.title.startswith("Groups, at the threshold"))
    assert all(row[4] == "no comparisons" for row in table.rows)


def test_a_set_with_one_group_says_nothing(make_embedded: Make) -> None:
    embedded = replace(make_embedded(), strata={})
    numbers = np.unique(embedded.subjects, return_inverse=True)[1].astype(np.int64)
    pairs = compare_all(embedded.embeddings, numbers, "cosine")
    found = group_section(pairs, operating_points(pairs))
    assert found.tables == () and found.charts == () and found.numbers == {}
