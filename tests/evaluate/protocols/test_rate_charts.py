"""Charts of scores and rates hold densities and the curves' own numbers."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.evaluate.protocols.rate_charts import MAX_MARKS, det_chart, fmr_chart, score_chart
from mien.pairwise.all_pairs import compare_all
from mien.pairwise.operating_points import error_curve, operating_points
from mien.types import Floats

World = Callable[..., tuple[Floats, np.ndarray, list[str]]]


def test_histograms_are_densities_over_edges_that_rise(metric: str, world: World) -> None:
    found = compare_all(*world(1)[:2], metric)
    chart = score_chart(found, operating_points(found), "unit")
    assert len(chart.series) == 2
    for series in chart.series:
        edges, density = np.array(series.x), np.array(series.y)
        assert len(edges) == len(density) + 1 and (np.diff(edges) > 0).all()
        assert (density * np.diff(edges)).sum() == pytest.approx(1)
    means = [np.average((np.array(s.x)[1:] + np.array(s.x)[:-1]) / 2, weights=s.y) for s in chart.series]
    assert bool(means[0] < means[1]) is (metric == "cosine"), "mated cosines are larger, mated distances smaller"
    assert len(score_chart(found, [], "unit", mated=False).series) == 1


def test_thresholds_are_marked_up_to_a_number(world: World) -> None:
    found = compare_all(*world(1)[:2], "cosine")
    points = operating_points(found) * 3
    thresholds = [point.threshold for point in points]
    assert [place for place, _ in score_chart(found, points, "u").marks] == thresholds[: MAX_MARKS - 1]
    curves = fmr_chart(error_curve(found), points, "u", mated=True)
    assert [place for place, _ in curves.marks] == thresholds[:MAX_MARKS]


def test_curves_are_drawn_with_their_bands(world: World) -> None:
    curve = error_curve(compare_all(*world(1)[:2], "cosine"))
    fmr, fnmr = fmr_chart(curve, [], "u", mated=True).series
    assert fmr.x == tuple(curve.thresholds.tolist())
    for series, rate in ((fmr, curve.fmr), (fnmr, curve.fnmr)):
        assert [series.y, series.low, series.high] == [tuple(rate[:, k].tolist()) for k in range(3)]
    assert [series.name for series in fmr_chart(curve, [], "u", mated=False).series] == ["FMR"]
    (det,) = det_chart({"net": curve}).series
    assert (det.name, det.x, det.y) == ("net", fmr.y, fnmr.y)
