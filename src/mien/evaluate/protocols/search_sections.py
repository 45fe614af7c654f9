"""Tables and charts of searches that several protocols show: FNIR at FPIR, hits by rank, and their curves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mien.evaluate.report import Cell, Chart, Series, Table, band
from mien.evaluate.searches import SearchResult
from mien.evaluate.wording import describe, message, rate_text, score_text
from mien.messages import Text
from mien.rates import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSearch:
    """What searching one gallery showed.

    Attributes:
        cell: the gallery in the first column of tables.
        name: the gallery in the legend of charts.
        result: of the searches.
    """

    cell: Cell
    name: Text
    result: SearchResult


def by_size(results: Sequence[SearchResult]) -> list[NamedSearch]:
    """Galleries that are called by how many people are enrolled."""
    return [
        NamedSearch(cell=one.enrolled, name=message("identification.gallery", enrolled=one.enrolled), result=one)
        for one in results
    ]


def open_table(searches: Sequence[NamedSearch], unit: str, gallery: Text) -> Table:
    """FNIR at FPIR; `gallery` is the title of the first column."""
    rows = [
        (one.cell, rate_text(p.wanted), score_text(p.threshold), describe(p.fpir), describe(p.fnir))
        for one in searches
        for p in one.result.points
    ]
    others = min(one.result.nonmated_searches for one in searches)
    return Table(
        title=message("identification.open"),
        columns=(
            gallery,
            message("identification.wanted-fpir"),
            message("column.threshold", unit=unit),
            "FPIR",
            "FNIR",
        ),
        rows=tuple(rows),
        note=message("identification.open-note", others=others),
    )


def closed_table(searches: Sequence[NamedSearch], gallery: Text) -> Table:
    """Hits by rank; `gallery` is the title of the first column."""
    ranks = [rank for rank, _ in searches[-1].result.hits]
    rows = []
    for one in searches:
        of = dict(one.result.hits)
        rows.append((one.cell, *(describe(of[rank]) if rank in of else None for rank in ranks)))
    return Table(
        title=message("identification.closed"),
        columns=(gallery, *(message("identification.rank", rank=rank) for rank in ranks)),
        rows=tuple(rows),
        note=message("identification.closed-note"),
    )


def search_charts(searches: Sequence[NamedSearch]) -> tuple[Chart, ...]:
    """FNIR against FPIR where the searches show it, and hits by rank."""
    drawn = [one for one in searches if one.result.curve]
    closed = closed_chart((one.name, one.result.hits) for one in searches)
    return (_open_chart(drawn), closed) if drawn else (closed,)


def closed_chart(named: Iterable[tuple[Text, Sequence[tuple[int, Estimate]]]]) -> Chart:
    """Hits by rank: one line for each name, of its ranks and their rates."""
    return Chart(
        name="cmc",
        title=message("identification.cmc"),
        kind="line",
        x_label=message("identification.rank-axis"),
        y_label=message("identification.hits"),
        series=tuple(
            Series(
                name=name,
                x=tuple(float(rank) for rank, _ in hits),
                y=tuple(rate.value for _, rate in hits),
                **band(rate for _, rate in hits),
            )
            for name, hits in named
            if hits
        ),
    )


def _open_chart(searches: Sequence[NamedSearch]) -> Chart:
    return Chart(
        name="fnir",
        title=message("identification.fnir-chart"),
        kind="det",
        x_label=message("identification.fpir-axis"),
        y_label=message("identification.fnir-axis"),
        series=tuple(
            Series(
                name=one.name,
                x=tuple(p.fpir.value for p in one.result.curve),
                y=tuple(p.fnir.value for p in one.result.curve),
                **band(p.fnir for p in one.result.curve),
            )
            for one in searches
        ),
    )
