"""Charts of scores and error rates that several protocols show. Draws nothing; see mien.evaluate.charts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.evaluate.report import Chart, Series
from mien.evaluate.wording import message
from mien.messages import Text
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.operating_points import ErrorCurve, OperatingPoint
from mien.pairwise.score_blocks import BINS

Doubles = NDArray[np.floating]

MATED_BINS = 80
MAX_MARKS = 5
"""Thresholds that are marked in a chart."""


def score_chart(pairs: PairStatistics, points: Sequence[OperatingPoint], unit: str, *, mated: bool = True) -> Chart:
    """Histograms of non-mated and, where wanted, mated scores."""
    edges = pairs.low + np.arange(-1, BINS) * pairs.width
    counts = pairs.histogram.sum(axis=0).astype(np.float64)
    series = [_histogram(message("word.non-mated"), edges, counts, pairs)]
    if mated and len(pairs.mated):
        low, high = float(min(pairs.mated.min(), edges[0])), float(max(pairs.mated.max(), edges[-1]))
        mated_counts, mated_edges = np.histogram(pairs.mated, MATED_BINS, (low, high))
        series.append(_histogram(message("word.mated"), mated_edges, mated_counts.astype(np.float64), pairs))
    return Chart(
        name="scores",
        title=message("scores.title"),
        kind="histogram",
        x_label=unit,
        y_label=message("scores.density"),
        series=tuple(series),
        marks=_marks(points[: MAX_MARKS - 1]),
        caption=message("scores.caption"),
    )


def _histogram(name: Text, edges: Doubles, counts: Doubles, pairs: PairStatistics) -> Series:
    """A histogram as densities, without the empty ends, in the metric's unit."""
    filled = np.flatnonzero(counts)
    first, last = (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, len(counts))
    counts, edges = counts[first:last], edges[first : last + 1]
    density = counts / max(1.0, counts.sum()) / np.diff(edges)
    if pairs.metric == "l2":
        edges, density = -edges[::-1], density[::-1]
    return Series(name=name, x=tuple(edges.tolist()), y=tuple(density.tolist()))


def fmr_chart(curve: ErrorCurve, points: Sequence[OperatingPoint], unit: str, *, mated: bool) -> Chart:
    """Error rates against the threshold, with their bands."""
    x = tuple(curve.thresholds.tolist())
    rates = {"FMR": curve.fmr, "FNMR": curve.fnmr} if mated else {"FMR": curve.fmr}
    return Chart(
        name="rates",
        title=message("rates.title"),
        kind="fmr",
        x_label=message("column.threshold", unit=unit),
        y_label=message("rates.rate"),
        series=tuple(
            Series(name=name, x=x, y=_column(rate, 0), low=_band(rate, 1), high=_band(rate, 2))
            for name, rate in rates.items()
        ),
        marks=_marks(points[:MAX_MARKS]),
        caption=message("rates.caption"),
    )


def _marks(points: Sequence[OperatingPoint]) -> tuple[tuple[float, Text], ...]:
    return tuple((point.threshold, message("at-fmr", rate=point.wanted)) for point in points)


def _column(values: Doubles, index: int) -> tuple[float, ...]:
    return tuple(values[:, index].tolist())


def _band(values: Doubles, index: int) -> tuple[float, ...]:
    """One end of the band; nothing where the intervals need more people."""
    return () if np.isnan(values[:, index]).any() else _column(values, index)


def det_chart(curves: dict[str, ErrorCurve]) -> Chart:
    """Detection error trade-off: FNMR against FMR on normal-deviate axes."""
    return Chart(
        name="det",
        title=message("det.title"),
        kind="det",
        x_label=message("det.fmr"),
        y_label=message("det.fnmr"),
        series=tuple(
            Series(
                name=name,
                x=_column(curve.fmr, 0),
                y=_column(curve.fnmr, 0),
                low=_band(curve.fnmr, 1),
                high=_band(curve.fnmr, 2),
            )
            for name, curve in curves.items()
        ),
        caption=message("det.caption"),
    )
