"""Draws the charts of a report as SVG and PNG, with numbers as the report's language writes them. Computes nothing.

Colours differ in grey too, and for people who do not see red or green (Okabe and Ito, 2008). Lines and letters of an
SVG have the colour of the page's text and no ground of their own, so that they can be read on a dark page too.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import cycle
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from mien.evaluate.report import Chart, spoken
from mien.messages import Text, find_catalogue, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
DASHES = ("-", "--", ":", "-.")
RATES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.3, 0.5, 0.7, 0.9)
MIN_RATE = 1e-9
"""Rates are drawn down to this one, whose normal deviate is finite."""

ON_LIGHT, ON_DARK = "#010101", "#fefefe"
"""Of numbers in the cells of a grid, which stay black or white on any page."""
OF_THE_PAGE = ("#000000", "#333333", "#555555")
"""Colours of lines and letters, for which an SVG takes the colour of the text around it."""

WIDTH, LETTERS = 8.0, 9
"""Of a chart, in inches and points: letters as large as the text of a page that the chart fills."""

LETTER, GAP = 0.0105, 2
"""Of names along an axis of rates: the share of the axis that a letter takes, and the letters between two names."""
LINE = 5
"""Height of a line of text, in widths of letters, along an axis of rates that goes upwards."""

MARKED = 60
"""Points of a line up to which each has a mark."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart as an SVG element and as a PNG file."""

    svg: str
    png: bytes


def draw(chart: Chart, language: str) -> Drawing:
    """Draw a chart that is in a language already; `language` is that of its numbers."""
    # matplotlib takes long to import, and most commands draw nothing.
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = 0.5 + 0.34 * len(chart.series) if chart.kind in ("grid", "matrix") else 3.6
    svg, png = io.StringIO(), io.BytesIO()
    # No date and a fixed salt, so that the same report gives the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "mien", "svg.fonttype": "none", "font.size": LETTERS}):
        figure = Figure(figsize=(WIDTH, max(2.4, height)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        DRAWN[chart.kind](axes, chart, language)
        axes.set_xlabel(_letters(chart.x_label))
        axes.set_ylabel(_letters(chart.y_label))
        figure.savefig(svg, format="svg", metadata={"Date": None}, transparent=True)
        figure.savefig(png, format="png", dpi=110, metadata={"Software": None})
    return Drawing(_for_any_page(svg.getvalue()), png.getvalue())


def _for_any_page(svg: str) -> str:
    """The SVG element of a file, in the colour of the text around it."""
    for colour in OF_THE_PAGE:
        svg = svg.replace(colour, "currentColor")
    return svg[svg.index("<svg") :]


def _styles() -> Iterator[tuple[str, str]]:
    """A colour and a kind of line for each series, without end: all colours with one kind, then with the next."""
    return cycle((colour, dashes) for dashes in DASHES for colour in COLOURS)


def _letters(text: Text) -> str:
    """A text of the chart, letter by letter: matplotlib takes what is between two dollars for a formula."""
    return spoken(text).replace("$", r"\$")


def _number_axis(axis: "Axis", language: str) -> None:
    """Write the numbers along an axis as a language does; rc settings know only the language of the machine."""
    from matplotlib.ticker import ScalarFormatter

    marks = {ord("."): find_catalogue(language).decimal}

    class Localized(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return super().__call__(x, pos).translate(marks)

        def get_offset(self) -> str:
            return super().get_offset().translate(marks)

    axis.set_major_formatter(Localized())


def _histogram(axes: "Axes", chart: Chart, language: str) -> None:
    for series, colour in zip(chart.series, COLOURS, strict=False):
        axes.stairs(series.y, series.x, fill=True, alpha=0.35, color=colour, label=_letters(series.name))
        axes.stairs(series.y, series.x, color=colour, linewidth=1.2)
    _mark(axes, chart)
    axes.set_ylim(bottom=0)
    _number_axis(axes.xaxis, language)
    _number_axis(axes.yaxis, language)
    axes.legend(frameon=False)


def _mark(axes: "Axes", chart: Chart) -> None:
    """Vertical lines at thresholds, with their names to the right of their tops.

    From the left to the right each line is lower than the one before it, so that no name crosses a line.
    """
    for index, (place, name) in enumerate(sorted(chart.marks, key=lambda mark: mark[0])):
        top = 0.97 - 0.08 * index
        axes.axvline(place, ymax=top, color="#555555", linewidth=0.9, linestyle="--")
        axes.annotate(
            _letters(name),
            (place, top),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            fontsize=LETTERS - 1,
            va="top",
            color="#333333",
        )


def _deviate(values: tuple[float, ...]) -> list[float]:
    normal = NormalDist()
    return [normal.inv_cdf(float(np.clip(value, MIN_RATE, 1 - MIN_RATE))) for value in values]


def _det(axes: "Axes", chart: Chart, language: str) -> None:
    shown_x: list[float] = []
    shown_y: list[float] = []
    for series, (colour, dashes) in zip(chart.series, _styles(), strict=False):
        # A rate of zero has no normal deviate; the line ends where errors end.
        kept = [i for i, (x, y) in enumerate(zip(series.x, series.y, strict=True)) if x > 0 and y > 0]
        x, y = _deviate(tuple(series.x[i] for i in kept)), _deviate(tuple(series.y[i] for i in kept))
        axes.plot(x, y, color=colour, linestyle=dashes, label=_letters(series.name))
        if series.low:
            low, high = (_deviate(tuple(band[i] for i in kept)) for band in (series.low, series.high))
            floor = _deviate((1e-4,))[0]
            axes.fill_between(x, np.maximum(low, floor), high, color=colour, alpha=0.2, linewidth=0)
        shown_x += [series.x[i] for i in kept]
        shown_y += [series.y[i] for i in kept]
    _rate_axis(axes, "x", shown_x, language)
    _rate_axis(axes, "y", shown_y, language)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def _rate_axis(axes: "Axes", side: str, values: list[float], language: str) -> None:
    low, high = (min(values) / 2, min(0.95, max(values) * 1.5)) if values else (1e-4, 0.5)
    shown = [rate for rate in RATES if low <= rate <= high] or [low, high]
    letters = [len(_percent(rate, language)) if side == "x" else LINE for rate in shown]
    ticks = _apart(shown, letters, low, high)
    names = [_percent(rate, language) for rate in ticks]
    if side == "x":
        axes.set_xticks(_deviate(tuple(ticks)), names)
        axes.set_xlim(*_deviate((low, high)))
    else:
        axes.set_yticks(_deviate(tuple(ticks)), names)
        axes.set_ylim(*_deviate((low, high)))


def _percent(rate: float, language: str) -> str:
    """A rate as a percentage, never as a power of ten, so that all names along an axis have one form."""
    plain = f"{Decimal(f'{100 * rate:.2g}'):f}"
    return number(float(plain), language, f".{len(plain.partition('.')[2])}f") + "%"


def _apart(ticks: list[float], letters: list[int], low: float, high: float) -> list[float]:
    """Ticks that leave room for their names, which are so many letters long, from the highest down."""
    start, end = _deviate((low, high))
    kept: list[tuple[float, float, int]] = []
    for tick, place, width in reversed(list(zip(ticks, _deviate(tuple(ticks)), letters, strict=True))):
        if not kept or kept[-1][1] - place > LETTER * ((kept[-1][2] + width) / 2 + GAP) * (end - start):
            kept.append((tick, place, width))
    return [tick for tick, _, _ in reversed(kept)]


def _fmr(axes: "Axes", chart: Chart, language: str) -> None:
    lowest = min((value for series in chart.series for value in series.y if value > 0), default=1e-6)
    for series, colour in zip(chart.series, COLOURS, strict=False):
        values = np.array(series.y)
        axes.plot(series.x, np.where(values > 0, values, np.nan), color=colour, label=_letters(series.name))
        if series.low:
            floor = lowest / 10
            axes.fill_between(
                series.x, np.maximum(series.low, floor), series.high, color=colour, alpha=0.2, linewidth=0
            )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda rate, _: _percent(rate, language))
    _number_axis(axes.xaxis, language)
    _mark(axes, chart)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def _line(axes: "Axes", chart: Chart, language: str) -> None:
    for series, (colour, dashes) in zip(chart.series, _styles(), strict=False):
        marker = "o" if len(series.x) <= MARKED else None
        axes.plot(
            series.x,
            series.y,
            color=colour,
            linestyle=dashes,
            marker=marker,
            markersize=3,
            label=_letters(series.name),
        )
        if series.low:
            axes.fill_between(series.x, series.low, series.high, color=colour, alpha=0.2, linewidth=0)
    _number_axis(axes.xaxis, language)
    _number_axis(axes.yaxis, language)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def _grid(axes: "Axes", chart: Chart, language: str) -> None:
    shares = np.array([series.y for series in chart.series])
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_yticks(range(len(chart.series)), [_letters(series.name) for series in chart.series])
    axes.set_xticks(range(shares.shape[1]), [number(value, language) for value in chart.series[0].x])
    for (row, column), value in np.ndenumerate(shares):
        colour = ON_DARK if value > 0.55 else ON_LIGHT
        axes.text(column, row, f"{100 * value:.0f}%", ha="center", va="center", fontsize=LETTERS - 1, color=colour)


def _matrix(axes: "Axes", chart: Chart, language: str) -> None:
    rates = np.array([series.y for series in chart.series])
    colours = np.log10(np.clip(rates, MIN_RATE, 1))
    shown = colours[rates > 0]
    low, high = (float(shown.min()) - 0.5, float(shown.max()) + 0.1) if len(shown) else (-1.0, 0.0)
    axes.imshow(colours, cmap="Blues", vmin=low, vmax=high, aspect="auto")
    axes.set_yticks(range(len(rates)), [_letters(series.name) for series in chart.series])
    axes.set_xticks(
        range(len(rates)),
        [_letters(name) for _, name in chart.marks],
        rotation=30,
        ha="right",
        rotation_mode="anchor",
    )
    for (row, column), value in np.ndenumerate(rates):
        colour = ON_DARK if value and colours[row, column] > low + 0.6 * (high - low) else ON_LIGHT
        text = number(float(f"{value:.2g}"), language)
        axes.text(column, row, text, ha="center", va="center", fontsize=LETTERS - 1, color=colour)


DRAWN: "dict[str, Callable[[Axes, Chart, str], None]]" = {
    "histogram": _histogram,
    "det": _det,
    "fmr": _fmr,
    "line": _line,
    "grid": _grid,
    "matrix": _matrix,
}
