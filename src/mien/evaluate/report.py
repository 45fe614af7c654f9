"""What a protocol found, as one value that becomes report.json, report.html and report.md. Owns the schema.

Version 1 of the schema: `numbers` are for programs (a key never changes its meaning within a version); `headline`,
`tables`, `charts` and `pairs` are for people. Every rate is a Number with its interval and the comparisons behind it.
docs/guide/reports.md describes each protocol's numbers. Computes no rate and draws nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mien.evaluate.operating_points import SHOWN_BY
from mien.models.card import ThresholdRow
from mien.rates import Estimate

FORMAT, VERSION = "mien report", 1

Cell = str | float | int | None


class Frozen(BaseModel):
    """Frozen values; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Number(Frozen):
    """One figure: a value, its 95% interval, the comparisons it was counted in, and its unit where it has one."""

    value: float | None
    low: float | None = None
    high: float | None = None
    comparisons: int | None = None
    unit: str | None = None


class Table(Frozen):
    """A table for people."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


class Series(Frozen):
    """One line or histogram of a chart; low and high are its band."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class Chart(Frozen):
    """A chart: what it shows, and its series.

    The kind says how it is drawn: `histogram` (x: edges, y: shares), `det` (FMR against FNMR on normal deviates),
    `fmr` (rates on a logarithmic axis against the threshold), `line`, or `grid` (a table of shares in colour).
    """

    name: str
    title: str
    kind: Literal["histogram", "det", "fmr", "line", "grid"]
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    marks: tuple[tuple[float, str], ...] = ()
    caption: str = ""


class PairRow(Frozen):
    """Two samples that people should look at."""

    score: float
    a: str
    b: str
    subject_a: str
    subject_b: str
    record_a: int = -1
    record_b: int = -1
    note: str = ""


class Pairs(Frozen):
    """A list of pairs with their pictures."""

    title: str
    unit: str
    rows: tuple[PairRow, ...]
    note: str = ""


class GalleryRow(Frozen):
    """A place in a picture that people should look at: x1, y1, x2, y2 in its pixels; None for the whole picture.

    `boxes` are others to be drawn with it.
    """

    path: str
    box: tuple[float, float, float, float] | None
    words: str
    boxes: tuple[tuple[float, float, float, float], ...] = ()


class Gallery(Frozen):
    """Places in pictures, shown side by side."""

    title: str
    rows: tuple[GalleryRow, ...]
    note: str = ""


class Subject(Frozen):
    """What was evaluated: model, contract, unit, set, and what could not be embedded."""

    model: str
    contract: str
    unit: str
    source: str
    detector: str
    samples: int
    subjects: int
    not_embedded: dict[str, int]
    sentence: str = ""
    """Says all of this where it is no set of embeddings."""


class Report(Frozen):
    """What a protocol found."""

    format: Literal["mien report"] = "mien report"
    version: Literal[1] = 1
    protocol: str
    title: str
    about: Subject
    headline: tuple[str, ...]
    numbers: dict[str, Number]
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    pairs: tuple[Pairs, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    warnings: tuple[str, ...] = ()
    thresholds: tuple[ThresholdRow, ...] = ()
    made_with: dict[str, str] = {}


def number(rate: Estimate) -> Number:
    """A rate for programs."""
    return Number(value=rate.value, low=rate.low, high=rate.high, comparisons=rate.count)


def share(value: float, like: float | None = None) -> str:
    """A share for people: percent down to one in a thousand, then powers of ten; `like` another one beside it."""
    if value != value:
        return "not measured"
    if value == 0:
        return "0"
    if (value if like is None else like) < 1e-3:
        return f"{value:.1e}"
    return f"{100 * value:.2f}%" if value >= 1e-4 else f"{100 * value:.1g}%"


def describe(rate: Estimate | None) -> str:
    """A rate with its interval, for people; below what the data can show it says so."""
    if rate is None or not rate.count:
        return "no comparisons"
    if rate.value == 0:
        return f"0 of {rate.count:,}; below {share(rate.high)}"
    return f"{share(rate.value)} ({share(rate.low, rate.value)} to {share(rate.high, rate.value)})"


def too_few(rate: float, comparisons: int, more: int, noun: str = "subjects") -> str:
    """The sentence for a rate that the data cannot show."""
    return (
        f"below {share(SHOWN_BY / max(1, comparisons))} this set shows nothing; for {rate:g} it needs about "
        f"{more:,} more {noun}"
    )


def read_report(path: Path) -> Report:
    """Read report.json."""
    return Report.model_validate_json(path.read_text(encoding="utf-8"))


def thin(values: Sequence[float], most: int = 400) -> list[int]:
    """Indices of at most so many values, evenly, both ends included."""
    if len(values) <= most:
        return list(range(len(values)))
    return sorted({round(step * (len(values) - 1) / (most - 1)) for step in range(most)})
