"""Error versus discard in reports: the table, the chart and the numbers of curves; and a section of the mated report.

Measures no quality and computes no curve; see mien.evaluate.qualities and mien.evaluate.discard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mien.evaluate.discard import LIMIT, DiscardCurve, discard_curve
from mien.evaluate.qualities import known_qualities
from mien.evaluate.report import Chart, Number, Series, Table, number
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, message, rate_text, score_text
from mien.messages.figures import percent
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.operating_points import OperatingPoint
from mien.types import Floats

SHOWN = (0.05, 0.1, 0.2)
"""Shares whose rates are in the table."""
FMR = 1e-3
"""False match rate of the section's threshold, or the strictest one that a set can show where that is looser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardSection:
    """Table, chart and numbers of a set's qualities; empty where none is known or there is no error to find."""

    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    numbers: dict[str, Number]


def discard_section(embedded: Embedded, pairs: PairStatistics, points: Sequence[OperatingPoint]) -> DiscardSection:
    """What the qualities that came with the embeddings are worth on a set.

    Args:
        embedded: the samples that were compared.
        pairs: all their comparisons, with mated ones.
        points: thresholds of the set, loosest first.
    """
    found = known_qualities(embedded)
    allowed = [point for point in points if point.wanted >= FMR * 0.999]
    if not found or not allowed or not len(pairs.mated):
        return DiscardSection(numbers={})
    curves = ranked_curves(pairs, found, allowed[-1].threshold)
    if all(curve.gain != curve.gain for curve in curves.values()):
        return DiscardSection(numbers={})
    note = message("quality.section-note", rate=rate_text(allowed[-1].wanted), limit=percent(LIMIT))
    return DiscardSection(
        tables=(curves_table(curves).model_copy(update={"note": note}),),
        charts=(curves_chart(curves),),
        numbers={f"discard: gain {name}": Number(value=curve.gain) for name, curve in curves.items()},
    )


def ranked_curves(
    pairs: PairStatistics, qualities: Mapping[str, Floats], threshold: float
) -> dict[str, DiscardCurve]:
    """The curve of each quality at a threshold, the one with the largest gain first."""
    curves = {name: discard_curve(pairs, values, threshold) for name, values in qualities.items()}
    return dict(sorted(curves.items(), key=lambda item: -item[1].gain if item[1].gain == item[1].gain else 0))


def place_of(curve: DiscardCurve, wanted: float) -> int:
    """The point of a curve that is nearest to a share."""
    return int(np.argmin(np.abs(curve.shares - wanted)))


def curve_numbers(curves: Mapping[str, DiscardCurve]) -> dict[str, Number]:
    """The area, the gain and some rates of each curve, and the rate with nothing discarded."""
    found: dict[str, Number] = {}
    for name, curve in curves.items():
        found[f"pauc {name}"] = number(curve.area)
        found[f"gain {name}"] = Number(value=curve.gain)
        for wanted in SHOWN:
            found[f"fnmr@discard={wanted:g} {name}"] = number(curve.fnmr[place_of(curve, wanted)])
    first = next(iter(curves.values()))
    return found | {"fnmr@discard=0": number(first.fnmr[0])}


def curves_table(curves: Mapping[str, DiscardCurve]) -> Table:
    """A row for each quality."""
    return Table(
        title=message("quality.table"),
        columns=(
            message("quality.measure"),
            message("quality.at-start"),
            *(message("quality.at", share=percent(wanted)) for wanted in SHOWN),
            message("quality.area"),
            message("quality.gain"),
        ),
        rows=tuple(
            (
                name,
                describe(curve.fnmr[0]),
                *(describe(curve.fnmr[place_of(curve, wanted)]) for wanted in SHOWN),
                describe(curve.area),
                None if curve.gain != curve.gain else score_text(curve.gain),
            )
            for name, curve in curves.items()
        ),
        note=message("quality.note", limit=percent(LIMIT)),
    )


def curves_chart(curves: Mapping[str, DiscardCurve]) -> Chart:
    """A line for each quality, and one for a quality that finds every error first."""
    first = next(iter(curves.values()))
    shares = tuple(first.shares.tolist())
    lines = [
        Series(name=name, x=shares, y=tuple(rate.value for rate in curve.fnmr)) for name, curve in curves.items()
    ]
    ideal = Series(name=message("quality.ideal"), x=shares, y=tuple(first.ideal.tolist()))
    return Chart(
        name="discard",
        title=message("quality.chart"),
        kind="line",
        x_label=message("quality.share-axis"),
        y_label=message("det.fnmr"),
        series=(*lines, ideal),
        caption=message("quality.caption"),
    )
