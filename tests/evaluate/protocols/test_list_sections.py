"""Tables, charts and pairs of a list of six pairs, by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.evaluate.list_rates import ListPoint, list_points
from mien.evaluate.pair_lists import FoldedAccuracy, ScoredPairs, roc
from mien.evaluate.protocols import list_sections
from mien.evaluate.protocols.list_sections import (
    BINS,
    fold_table,
    list_det_chart,
    list_score_chart,
    list_table,
    worst_pairs,
)
from mien.evaluate.scorefile import Embedded
from mien.messages import text_of
from mien.rates import Estimate, Moves
from mien.types import floats

MATED = np.array([True, True, True, False, False, False])


@pytest.fixture
def scored() -> ScoredPairs:
    """Three mated pairs, one of them without an embedding, and three non-mated ones; similarities."""
    scores = floats([0.9, 0.4, -np.inf, 0.5, 0.1, 0.2])
    return ScoredPairs(scores, MATED, np.zeros(6, np.int64), np.full((6, 2), -1))


def cells(row: tuple) -> list[str]:
    return [text_of(cell, "en") if not isinstance(cell, int | float | None) else cell for cell in row]  # type: ignore[arg-type, misc]


def test_folds_are_numbered_and_thresholds_are_in_the_metrics_unit() -> None:
    folded = FoldedAccuracy(0.75, 0.25, (-0.5, -0.625), (0.5, 1.0), np.array([True, False, True, True]))
    table = fold_table(folded, "L2", -1)
    assert [cells(row) for row in table.rows] == [[1, "50.00%", "0.5000"], [2, "100.00%", "0.6250"]]
    assert "L2" in text_of(table.columns[2], "en")


def test_the_first_rate_that_the_list_cannot_show_is_said(scored: ScoredPairs) -> None:
    third, half = Estimate(1 / 3, 0.1, 0.8, 3), Estimate(0.5, 0.2, 0.9, 2)
    moves = Moves(each=np.zeros(3), subjects=3, effective=3.0, twice=0.0)
    rows = list_table([ListPoint(0.1, -0.25, third, half, moves)], scored, "L2", -1).rows
    assert cells(rows[0])[:2] == ["0.1", "0.2500"] and cells(rows[0])[3].startswith("50.00%")
    assert len(rows) == 2 and cells(rows[1])[0] == "0.01"
    assert cells(rows[1])[1] == "cannot be shown by 3 non-mated pairs; 1,000 are needed"
    (only,) = list_table([], scored, "L2", -1).rows
    assert cells(only)[:2] == ["0.1", "cannot be shown by 3 non-mated pairs; 100 are needed"]


def test_the_points_of_a_list_are_rows_of_its_table() -> None:
    """200 non-mated pairs show a rate of one in ten, by 20 errors, and no smaller one."""
    scores = floats([*np.linspace(0.5, 1, 10), *np.linspace(-1, 0.4, 200)])
    mated = np.arange(210) < 10
    many = ScoredPairs(scores, mated, np.zeros(210, np.int64), np.full((210, 2), -1))
    points = list_points(many)
    rows = list_table(points, many, "cosine", 1).rows
    assert [point.wanted for point in points] == [0.1] and len(rows) == 2


def test_histograms_are_of_pairs_with_two_embeddings(scored: ScoredPairs) -> None:
    nonmated, mated = list_score_chart(scored, "cosine", 1).series
    for series, count in ((nonmated, 3), (mated, 2)):
        assert len(series.x) == BINS + 1 and len(series.y) == BINS
        assert (series.x[0], series.x[-1]) == pytest.approx((0.1, 0.9)), "both have the same bins"
        widths = np.diff(series.x)
        assert (np.array(series.y) * widths).sum() == pytest.approx(1), "a density"
        assert (np.array(series.y) > 0).sum() == count
    assert nonmated.y[0] > 0 and mated.y[-1] > 0 and nonmated.y[-1] == 0


def test_distances_are_drawn_as_distances(scored: ScoredPairs) -> None:
    distances = list_score_chart(scored, "L2", -1).series[0].x
    assert (distances[0], distances[-1]) == pytest.approx((-0.9, -0.1))


def test_the_curve_is_of_errors(scored: ScoredPairs) -> None:
    curve = roc(scored.scores, scored.mated)
    (line,) = list_det_chart(curve).series
    assert line.x == pytest.approx(curve.fmr) and line.y == pytest.approx(1 - curve.tmr)
    assert line.x[0] == 0 and line.y[0] == 1


@pytest.mark.parametrize("flip", [1, -1])
def test_the_worst_pairs_of_each_kind_come_first(
    make_embedded: Callable[..., Embedded], scored: ScoredPairs, flip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = make_embedded()
    places = np.arange(12).reshape(6, 2)
    places[2, 1] = -1
    mated, nonmated = worst_pairs(embedded, scored, places, "unit", flip)
    assert [row.score for row in mated.rows] == pytest.approx([flip * 0.4, flip * 0.9])
    assert [row.score for row in nonmated.rows] == pytest.approx([flip * 0.5, flip * 0.2, flip * 0.1])
    assert (mated.rows[0].a, mated.rows[0].b) == (embedded.paths[2], embedded.paths[3])
    monkeypatch.setattr(list_sections, "SHOWN_PAIRS", 2)
    assert [len(pairs.rows) for pairs in worst_pairs(embedded, scored, places, "unit", flip)] == [1, 1]
