"""Tables, charts and pairs of the verification protocol: what a list of pairs shows."""

from collections.abc import Sequence

import numpy as np

from mien.evaluate.list_rates import ListPoint, false_matches, false_nonmatches, list_points, pairs_needed
from mien.evaluate.pair_lists import FoldedAccuracy, Roc, ScoredPairs
from mien.evaluate.protocols.scope_sections import known_mask, within_mask
from mien.evaluate.protocols.shown_pairs import SHOWN_PAIRS, pair_row
from mien.evaluate.report import Cell, Chart, Pairs, Series, Table, thin
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, message, rate_text, score_text
from mien.rates import Estimate, Indices

BINS = 80
"""Bins of the histograms of scores."""


def fold_table(folded: FoldedAccuracy, unit: str, flip: float) -> Table:
    """Accuracy and threshold of each fold; `flip` turns similarities into scores."""
    return Table(
        title=message("folds.title"),
        columns=(message("folds.fold"), message("folds.accuracy"), message("column.threshold", unit=unit)),
        rows=tuple(
            (index, message("percent", value=100 * accuracy), score_text(flip * limit))
            for index, (accuracy, limit) in enumerate(zip(folded.folds, folded.thresholds, strict=True), start=1)
        ),
        note=message("folds.note"),
    )


def list_table(points: Sequence[ListPoint], scored: ScoredPairs, unit: str, flip: float) -> Table:
    """Thresholds at false match rates, and the first rate that the list cannot show."""
    rows: list[tuple[Cell, ...]] = [
        (rate_text(point.wanted), score_text(flip * point.threshold), describe(point.fmr), describe(point.fnmr))
        for point in points
    ]
    missing = points[-1].wanted / 10 if points else 0.1
    nonmated = int((~scored.mated).sum())
    too_few = message("list.too-few", pairs=nonmated, needed=pairs_needed(missing))
    return Table(
        title=message("thresholds.title"),
        columns=(
            message("column.wanted-fmr"),
            message("column.threshold", unit=unit),
            message("list.fmr"),
            message("list.fnmr"),
        ),
        rows=(*rows, (rate_text(missing), too_few, None, None)),
        note=message("list.note"),
    )


def list_scope_table(
    embedded: Embedded, scored: ScoredPairs, places: Indices, points: Sequence[ListPoint], flip: float
) -> Table | None:
    """Rates of the list with and without pairs that have a sample outside of the scope; None where there are none."""
    if not points or not known_mask(embedded).any():
        return None
    known = (places >= 0).all(axis=1)
    within = np.logical_and(known, within_mask(embedded)[places].all(axis=1))
    few = scored.take(within)
    if within.sum() == known.sum() or few.mated.all() or not few.mated.any():
        return None
    point = points[-1]
    rows = [
        (message("list.all-pairs"), point.threshold, point.fmr, point.fnmr),
        (message("scope.within"), point.threshold, *_rates_at(few, point.threshold)),
    ]
    own = [one for one in list_points(few) if one.wanted == point.wanted]
    rows += [(message("scope.within-own"), one.threshold, one.fmr, one.fnmr) for one in own]
    return Table(
        title=message("scope.rates", rate=point.wanted),
        columns=(
            message("scope.comparisons"),
            message("scope.threshold"),
            message("list.fmr"),
            message("list.fnmr"),
        ),
        rows=tuple(
            (name, score_text(flip * limit), describe(fmr), describe(fnmr)) for name, limit, fmr, fnmr in rows
        ),
        note=message("scope.rates-note"),
    )


def _rates_at(scored: ScoredPairs, threshold: float) -> tuple[Estimate, Estimate]:
    return false_matches(scored, threshold), false_nonmatches(scored, threshold)


def list_score_chart(scored: ScoredPairs, unit: str, flip: float) -> Chart:
    """Histograms of the scores of both kinds of pairs."""
    known = np.isfinite(scored.scores)
    values = flip * scored.scores
    limits = float(values[known].min()), float(values[known].max())
    series = []
    for name, chosen in ((message("word.non-mated"), ~scored.mated), (message("word.mated"), scored.mated)):
        counts, edges = np.histogram(values[known & chosen], BINS, limits, density=True)
        series.append(Series(name=name, x=tuple(edges.tolist()), y=tuple(counts.tolist())))
    return Chart(
        name="scores",
        title=message("scores.title"),
        kind="histogram",
        x_label=unit,
        y_label=message("scores.density"),
        series=tuple(series),
    )


def list_det_chart(curve: Roc) -> Chart:
    """FNMR against FMR of the list."""
    chosen = thin(curve.fmr.tolist())
    line = Series(
        name=message("list.all-pairs"),
        x=tuple(float(curve.fmr[i]) for i in chosen),
        y=tuple(float(1 - curve.tmr[i]) for i in chosen),
    )
    return Chart(
        name="det",
        title=message("det.title"),
        kind="det",
        x_label=message("det.fmr"),
        y_label=message("det.fnmr"),
        series=(line,),
    )


def worst_pairs(
    embedded: Embedded, scored: ScoredPairs, places: Indices, unit: str, flip: float
) -> tuple[Pairs, ...]:
    """The least similar mated and the most similar non-mated pairs."""
    known = np.isfinite(scored.scores)
    found = []
    for title, chosen, sign in (
        (message("list.least-similar"), known & scored.mated, 1),
        (message("list.most-similar"), known & ~scored.mated, -1),
    ):
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(sign * scored.scores[rows], kind="stable")][: SHOWN_PAIRS // 2].tolist()
        shown = [
            pair_row(embedded, int(places[row, 0]), int(places[row, 1]), flip * float(scored.scores[row]))
            for row in rows
        ]
        found.append(Pairs(title=title, unit=unit, rows=tuple(shown)))
    return tuple(found)
