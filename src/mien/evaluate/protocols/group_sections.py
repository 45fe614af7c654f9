"""What a report says of groups: their error rates at one threshold, how unequal they are, and the matrix of FMR."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from mien.evaluate import group_differences as summaries
from mien.evaluate.group_thresholds import GroupThreshold, group_thresholds
from mien.evaluate.report import Chart, Number, Series, Table, number
from mien.evaluate.wording import describe, message, score_text
from mien.messages import Message, Text
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.operating_points import SHOWN_BY, OperatingPoint
from mien.pairwise.rates_at import fmr_at, fnmr_at
from mien.pairwise.strata import StratumRow, fnmr_between, strata_at
from mien.rates import Estimate
from mien.units import unit_text


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSection:
    """Tables, charts and numbers of groups; empty where a set knows one group."""

    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    numbers: dict[str, Number]


def group_section(pairs: PairStatistics, points: Sequence[OperatingPoint], *, mated: bool = True) -> GroupSection:
    """Compare the groups (the known columns of the manifest, crossed) at one threshold for all.

    Args:
        pairs: all comparisons.
        points: thresholds of the whole set, loosest first.
        mated: whether the protocol looks at mated comparisons.
    """
    if len(pairs.strata) < 2 or not points:
        return GroupSection(numbers={})
    point = _point(pairs, points)
    crossed = strata_at(pairs, point.threshold)
    own = {row.a: row.fmr for row in crossed if row.a == row.b}
    missed = {
        name: _fnmr(pairs, point.threshold, place) if mated else None for place, name in enumerate(pairs.strata)
    }
    found = _summaries(own, missed, point.wanted)
    needed = group_thresholds(pairs, point.wanted)
    tables = (
        _rates(pairs, own, missed, point.wanted),
        *((_needed_table(pairs, needed, point, mated=mated),) if needed else ()),
        *((_summary_table(found),) if found else ()),
    )
    numbers = {f"groups: {name}": Number(value=value) for name, value in found.items()}
    if needed and mated and len(pairs.mated):
        numbers["groups: FNMR if the worst group decides"] = number(fnmr_at(pairs, needed[0].threshold))
        numbers["groups: FNMR as it is"] = number(fnmr_at(pairs, point.threshold))
    return GroupSection(tables=tables, charts=(_matrix(pairs.strata, crossed, point.wanted),), numbers=numbers)


def _point(pairs: PairStatistics, points: Sequence[OperatingPoint]) -> OperatingPoint:
    """The strictest threshold whose rate two groups can show on their own; else the loosest."""
    within = sorted(
        int(counts.sum()) for (a, b), counts in zip(pairs.pair_of, pairs.histogram, strict=True) if a == b
    )
    second = within[-2]
    return next((one for one in reversed(points) if one.wanted * second >= SHOWN_BY), points[0])


def _fnmr(pairs: PairStatistics, threshold: float, group: int) -> Estimate | None:
    inside = pairs.stratum == group
    found = fnmr_between(pairs, threshold, inside, inside)
    return found if found.count else None


def _summaries(own: dict[str, Estimate], missed: dict[str, Estimate | None], wanted: float) -> dict[str, float]:
    """Of groups with enough comparisons to show the rate; where at least two have."""
    able = [name for name, rate in own.items() if rate.count * wanted >= SHOWN_BY]
    if len(able) < 2:
        return {}
    fmr = [own[name].value for name in able]
    found = {
        "FMR max over min": summaries.max_over_min(fmr),
        "FMR max over geometric mean": summaries.max_over_geometric_mean(fmr),
        "FMR Gini": summaries.gini(fmr),
    }
    fnmr = [rate.value for name in able if (rate := missed.get(name)) is not None]
    if len(fnmr) == len(able):
        found |= {
            "FNMR max over min": summaries.max_over_min(fnmr),
            "FNMR Gini": summaries.gini(fnmr),
            "GARBE": summaries.garbe(fmr, fnmr),
            "inequity rate": summaries.inequity(fmr, fnmr),
        }
    return {name: value for name, value in found.items() if isfinite(value)}


def _rates(
    pairs: PairStatistics, own: dict[str, Estimate], missed: dict[str, Estimate | None], wanted: float
) -> Table:
    insides = [pairs.stratum == place for place in range(len(pairs.strata))]
    return Table(
        title=message("groups.title", rate=wanted),
        columns=(
            message("strata.stratum"),
            message("groups.people"),
            message("groups.samples"),
            message("column.fmr"),
            "FNMR",
        ),
        rows=tuple(
            (
                name,
                len(np.unique(pairs.subjects[inside])),
                int(inside.sum()),
                describe(own.get(name)),
                describe(missed[name]),
            )
            for name, inside in zip(pairs.strata, insides, strict=True)
        ),
        note=message("strata.note"),
    )


def _needed_table(
    pairs: PairStatistics, needed: Sequence[GroupThreshold], point: OperatingPoint, *, mated: bool
) -> Table:
    """What each group needs, strictest first, and what its threshold does to everybody; last the one for all."""
    named: list[tuple[Text, float]] = [(one.name, one.threshold) for one in needed]
    named.append((message("groups.for-all"), point.threshold))
    rows = [
        (
            name,
            score_text(threshold),
            describe(fmr_at(pairs, threshold)),
            *((describe(fnmr_at(pairs, threshold)),) if mated and len(pairs.mated) else ()),
        )
        for name, threshold in named
    ]
    columns = (
        message("strata.stratum"),
        message("column.threshold", unit=unit_text(pairs.metric)),
        message("groups.fmr-of-all"),
        message("groups.fnmr-of-all"),
    )
    return Table(
        title=message("groups.needed", rate=point.wanted),
        columns=columns[: len(rows[0])],
        rows=tuple(rows),
        note=message("groups.needed-note", name=needed[0].name),
    )


SUMMARY_NAMES: dict[str, Message] = {
    "FMR max over min": message("groups.fmr-ratio"),
    "FMR max over geometric mean": message("groups.fmr-mean-ratio"),
    "FMR Gini": message("groups.fmr-gini"),
    "FNMR max over min": message("groups.fnmr-ratio"),
    "FNMR Gini": message("groups.fnmr-gini"),
    "GARBE": message("groups.garbe"),
    "inequity rate": message("groups.inequity"),
}


def _summary_table(found: dict[str, float]) -> Table:
    return Table(
        title=message("groups.summary"),
        columns=(message("groups.measure"), message("groups.value")),
        rows=tuple((SUMMARY_NAMES[name], score_text(value)) for name, value in found.items()),
        note=message("groups.summary-note"),
    )


def _matrix(names: Sequence[str], crossed: Sequence[StratumRow], wanted: float) -> Chart:
    rates = {frozenset((row.a, row.b)): row.fmr.value for row in crossed}
    return Chart(
        name="groups",
        title=message("groups.matrix", rate=wanted),
        kind="matrix",
        x_label="",
        y_label="",
        series=tuple(
            Series(
                name=name,
                x=tuple(float(place) for place in range(len(names))),
                y=tuple(rates.get(frozenset((name, other)), 0.0) for other in names),
            )
            for name in names
        ),
        marks=tuple((float(place), name) for place, name in enumerate(names)),
        caption=message("groups.matrix-caption"),
    )
