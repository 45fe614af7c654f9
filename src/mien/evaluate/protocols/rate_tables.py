"""Tables and numbers of error rates that several protocols show: thresholds, the card's thresholds, strata."""

from collections.abc import Sequence
from dataclasses import replace

from mien.evaluate.report import Cell, Number, Table, number
from mien.evaluate.wording import describe, message, rate_text, score_text, too_few
from mien.messages.figures import without_interval
from mien.models.card import ModelCard
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.operating_points import OperatingPoint, can_show, operating_points, subjects_needed
from mien.pairwise.rates_at import fmr_at, fnmr_at
from mien.pairwise.strata import strata_at
from mien.rates import Estimate
from mien.units import unit_text

ASKED = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""False match rates that a report shows; of those that the set cannot show, the first, with what is missing."""

STRATA_RATE = 1e-4
"""Strata are compared at the strictest threshold that can be shown, down to this false match rate."""


def accepted(rate: Estimate) -> Estimate:
    """The share that is accepted, of a share that is missed: TAR of FNMR, TPIR of FNIR."""
    return replace(rate, value=1 - rate.value, low=1 - rate.high, high=1 - rate.low)


def point_numbers(points: Sequence[OperatingPoint], unit: str) -> dict[str, Number]:
    """threshold@, fmr@ and fnmr@ of each point."""
    numbers = {}
    for point in points:
        key = f"{point.wanted:.0e}"
        low, high = sorted(point.threshold_interval or ()) or (None, None)
        numbers[f"threshold@{key}"] = Number(
            value=point.threshold, low=low, high=high, missing_people=point.missing or None, unit=unit
        )
        numbers[f"fmr@{key}"] = number(point.fmr)
        if point.fnmr is not None:
            numbers[f"fnmr@{key}"] = number(point.fnmr)
    return numbers


def points_table(pairs: PairStatistics, unit: str, *, mated: bool = True) -> tuple[list[OperatingPoint], Table]:
    """Thresholds at false match rates; the first rate that the set cannot show says what is missing."""
    points = operating_points(pairs)
    rows: list[tuple[Cell, ...]] = [_point_row(point) for point in points]
    missing = [rate for rate in ASKED if not can_show(pairs, rate)]
    rows += [
        (rate_text(rate), too_few(rate, pairs.nonmated, subjects_needed(pairs, rate)), None, None)
        for rate in missing[:1]
    ]
    columns = (
        message("column.wanted-fmr"),
        message("column.threshold", unit=unit),
        message("column.fmr-on-set"),
        message("column.fnmr-on-set"),
    )
    shown = len(columns) if mated else len(columns) - 1
    return points, Table(
        title=message("thresholds.title"),
        columns=columns[:shown],
        rows=tuple(row[:shown] for row in rows),
        note=message("thresholds.note"),
    )


def _point_row(point: OperatingPoint) -> tuple[Cell, ...]:
    threshold = without_interval(score_text(point.threshold), point.missing)
    if point.threshold_interval is not None:
        low, high = sorted(point.threshold_interval)
        threshold = message("score-interval", value=point.threshold, low=low, high=high)
    return rate_text(point.wanted), threshold, describe(point.fmr), describe(point.fnmr)


def card_table(pairs: PairStatistics, card: ModelCard | None, contract: str, *, mated: bool = True) -> Table | None:
    """What the thresholds on the model's card do on this set; None where the card has none for this model."""
    if card is None or not card.thresholds or card.contract != contract:
        return None
    rows = []
    for row in card.thresholds:
        fnmr = fnmr_at(pairs, row.value) if mated and len(pairs.mated) else None
        rows.append((rate_text(row.fmr), score_text(row.value), describe(fmr_at(pairs, row.value)), describe(fnmr)))
    return Table(
        title=message("card.title"),
        columns=(
            message("card.fmr-on-card"),
            message("column.threshold", unit=unit_text(pairs.metric)),
            message("card.fmr-here"),
            message("card.fnmr-here"),
        ),
        rows=tuple(rows),
        note=message("card.note", protocol=card.thresholds[0].protocol),
    )


def strata_table(pairs: PairStatistics, points: Sequence[OperatingPoint]) -> Table | None:
    """False match rates within and between strata at the strictest threshold that the set can show."""
    if len(pairs.strata) < 2 or not points:
        return None
    point = next((p for p in reversed(points) if p.wanted >= STRATA_RATE), points[-1])
    rows = [(row.a, row.b, describe(row.fmr), row.fmr.count) for row in strata_at(pairs, point.threshold)]
    return Table(
        title=message("strata.title", rate=point.wanted),
        columns=STRATA_COLUMNS,
        rows=tuple(rows),
        note=message("strata.note"),
    )


STRATA_COLUMNS = (
    message("strata.stratum"),
    message("strata.against"),
    message("column.fmr"),
    message("column.comparisons"),
)
