"""What reports say of samples outside of what recognizers are measured on: how many, in what, and their error rates.

Rates are shown with and without such samples, and for comparisons of one such sample with an ordinary one.
Measures no face (mien.scope), and says nothing where a set has too few of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from mien.evaluate.report import Cell, Number, Table, number
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, joined, message, score_text, share
from mien.messages import Message, Text
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import SHOWN_BY, OperatingPoint, can_show, operating_point
from mien.pairwise.rates_at import fmr_at, fnmr_at
from mien.pairwise.strata import Mask, fmr_between, fnmr_between
from mien.rates import Estimate
from mien.scope.aspects import ASPECTS, name_of

RATE = 1e-3
"""Rates are compared at the strictest threshold that the set can show, down to this false match rate."""

UNITS = {"degrees": "°"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeSection:
    """What a report says of scope; empty for a set of which nothing is known.

    Attributes:
        headline: one sentence, or none.
        numbers: for programs.
        tables: samples by aspect, and their rates.
        warnings: why nothing is known.
    """

    headline: tuple[Message, ...] = ()
    numbers: dict[str, Number] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    warnings: tuple[Message, ...] = ()


def scope_section(
    embedded: Embedded,
    pairs: PairStatistics | None = None,
    points: Sequence[OperatingPoint] = (),
    *,
    mated: bool = True,
) -> ScopeSection:
    """The samples outside of the scope and, where all comparisons are known, their rates.

    Args:
        embedded: the samples.
        pairs: all their comparisons.
        points: the thresholds that the set can show.
        mated: whether mated comparisons count.
    """
    known = known_mask(embedded)
    if not known.any():
        old = embedded.origin.version == 1
        return ScopeSection(warnings=(message("scope.old"),) if old else ())
    outside = outside_masks(embedded)
    found = _counted(embedded, known, outside)
    point = next((one for one in reversed(points) if one.wanted >= RATE), None)
    if pairs is None or point is None:
        return found
    rows = tuple(_rows(embedded, pairs, point, outside, mated=mated and len(pairs.mated) > 0))
    if len(rows) < MIN_ROWS:
        return found
    return ScopeSection(
        headline=found.headline,
        numbers={**found.numbers, **_rate_numbers(rows, point)},
        tables=(*found.tables, _rates_table(rows, point)),
    )


MIN_ROWS = 2
"""The rates of all samples alone are in the report already."""


def known_mask(embedded: Embedded) -> Mask:
    """(N,) whether the scope of a sample was measured."""
    if not embedded.scopes:
        return np.zeros(len(embedded), np.bool_)
    return np.array([scope is not None for scope in embedded.scopes], np.bool_)


def outside_masks(embedded: Embedded) -> dict[str, Mask]:
    """(N,) whether a sample is outside, for each aspect that changes error rates."""
    codes = [() if scope is None else scope.outside for scope in embedded.scopes]
    looked_at = [code for code, one in ASPECTS.items() if not one.of_portraits]
    return {aspect: np.array([aspect in one for one in codes], np.bool_) for aspect in looked_at}


def within_mask(embedded: Embedded) -> Mask:
    """(N,) whether a sample was measured and is outside in nothing."""
    return np.array([scope is not None and not scope.outside for scope in embedded.scopes], np.bool_)


def _counted(embedded: Embedded, known: Mask, outside: dict[str, Mask]) -> ScopeSection:
    total, measured = len(embedded), int(known.sum())
    counts = {code: int(mask.sum()) for code, mask in outside.items()}
    anything = measured - int(within_mask(embedded).sum())
    rows: list[tuple[Cell, ...]] = [
        (name_of(code), _limit(code), count, share(count / measured)) for code, count in counts.items()
    ]
    rows.append((message("scope.any"), None, anything, share(anything / measured)))
    if measured < total:
        rows.append((message("not-measured"), None, total - measured, None))
    table = Table(
        title=message("scope.title"),
        columns=tuple(message(f"scope.{column}") for column in ("aspect", "limit", "samples", "share")),
        rows=tuple(rows),
        note=message("scope.note"),
    )
    parts = [message("scope.part", name=name_of(code), count=count) for code, count in counts.items() if count]
    said = message("scope.none", samples=measured)
    if parts:
        said = message("scope.some", count=anything, samples=measured, parts=joined(parts, "comma"))
    numbers = {f"samples outside: {code}": Number(value=count) for code, count in counts.items()}
    numbers |= {"samples outside": Number(value=anything), "samples without scope": Number(value=total - measured)}
    return ScopeSection(headline=(said,), numbers=numbers, tables=(table,))


def _limit(code: str) -> Message:
    one = ASPECTS[code]
    limit = f"{one.limit:g}{UNITS.get(one.unit, f' {one.unit}')}".strip()
    return message("scope.above" if one.above else "scope.below", limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """Rates of some comparisons at a threshold; `key` ends the names of their numbers, which the others have not."""

    key: str = ""
    name: Text
    threshold: float
    fmr: Estimate | None
    fnmr: Estimate | None


def _rows(
    embedded: Embedded, pairs: PairStatistics, point: OperatingPoint, outside: dict[str, Mask], *, mated: bool
) -> Iterator[_Row]:
    """All samples, those within the scope, and each aspect that has enough comparisons."""
    limit = point.threshold
    yield _Row(name=message("scope.all"), threshold=limit, fmr=point.fmr, fnmr=point.fnmr if mated else None)
    within = within_mask(embedded)
    if within.all():
        return
    few = _compare_within(embedded, pairs, within)
    if few is not None and can_show(few, point.wanted):
        mated_within = mated and len(few.mated) > 0
        misses = fnmr_at(few, limit) if mated_within else None
        yield _Row(name=message("scope.within"), threshold=limit, fmr=fmr_at(few, limit), fnmr=misses)
        own = operating_point(few, point.wanted)
        misses = own.fnmr if mated_within else None
        name = message("scope.within-own")
        yield _Row(key=" within scope", name=name, threshold=own.threshold, fmr=own.fmr, fnmr=misses)
    for code, mask in outside.items():
        fmr = fmr_between(pairs, limit, mask, within)
        fnmr = fnmr_between(pairs, limit, mask, within) if mated else None
        if fmr is not None and fmr.count * point.wanted < SHOWN_BY:
            fmr = None
        if fnmr is not None and fnmr.count < SHOWN_BY:
            fnmr = None
        if fmr is not None or fnmr is not None:
            name = message("scope.one", name=name_of(code))
            yield _Row(key=f" outside: {code}", name=name, threshold=limit, fmr=fmr, fnmr=fnmr)


def _compare_within(embedded: Embedded, pairs: PairStatistics, within: Mask) -> PairStatistics | None:
    index = np.flatnonzero(within)
    if len(np.unique(pairs.subjects[index])) < MIN_SUBJECTS:
        return None
    return compare_all(embedded.embeddings[index], pairs.subjects[index], embedded.origin.metric)


MIN_SUBJECTS = 2


def _rates_table(rows: Sequence[_Row], point: OperatingPoint) -> Table:
    columns = [message("scope.comparisons"), message("scope.threshold"), message("column.fmr"), message("scope.fnmr")]
    cells: list[tuple[Cell, ...]] = [
        (row.name, score_text(row.threshold), _shown(row.fmr), _shown(row.fnmr)) for row in rows
    ]
    wide = len(columns) if any(row.fnmr for row in rows) else len(columns) - 1
    return Table(
        title=message("scope.rates", rate=point.wanted),
        columns=tuple(columns[:wide]),
        rows=tuple(cell[:wide] for cell in cells),
        note=message("scope.rates-note"),
    )


def _shown(rate: Estimate | None) -> Text:
    return message("scope.too-few") if rate is None else describe(rate)


def _rate_numbers(rows: Sequence[_Row], point: OperatingPoint) -> dict[str, Number]:
    """fmr@ and fnmr@ of the rows that have a key, and the threshold of those within the scope."""
    numbers = {}
    for row in rows:
        for name, rate in (("fmr", row.fmr), ("fnmr", row.fnmr)):
            if row.key and rate is not None:
                numbers[f"{name}@{point.wanted:.0e}{row.key}"] = number(rate)
    return numbers
