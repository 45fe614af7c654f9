"""What a protocol found, as one value that becomes report.json, report.html and report.md. Owns the schema.

Version 1 of the schema: `numbers` are for programs (a key never changes its meaning within a version); `headline`,
`tables`, `charts` and `pairs` are for people. Every rate is a Number with its interval and the comparisons behind it.
docs/guide/reports.md describes each protocol's numbers. Computes no rate and draws nothing.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from mien.messages import Message, Text
from mien.models.card import ThresholdRow
from mien.notebook import html_table
from mien.rates import Estimate

if TYPE_CHECKING:
    import pyarrow

FORMAT, VERSION = "mien report", 1

Cell = Text | float | int | None


class Frozen(BaseModel):
    """Frozen values; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Number(Frozen):
    """One figure: a value, its 95% interval, the comparisons it was counted in, and its unit where it has one.

    Where a rate has no interval that holds, `missing_people` is how many more people one needs.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    missing_people: int | None = None
    comparisons: int | None = None
    unit: str | None = None

    def as_row(self) -> tuple[float | None, float | None, float | None, str | None]:
        """The values of a line of a table; NUMBER_ROW names them."""
        return self.value, self.low, self.high, self.unit


NUMBER_ROW = ("value", "low", "high", "unit")


class Table(Frozen):
    """A table for people."""

    title: Text
    columns: tuple[Text, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: Text = ""


class Series(Frozen):
    """One line or histogram of a chart; low and high are its band."""

    name: Text
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class Chart(Frozen):
    """A chart: what it shows, and its series.

    The kind says how it is drawn: `histogram` (x: edges, y: shares), `det` (FMR against FNMR on normal deviates),
    `fmr` (rates on a logarithmic axis against the threshold), `line`, `grid` (a table of shares in colour), or
    `matrix` (rates of each against each, in colour by their logarithm; the marks name the columns).
    """

    name: str
    title: Text
    kind: Literal["histogram", "det", "fmr", "line", "grid", "matrix"]
    x_label: Text
    y_label: Text
    series: tuple[Series, ...]
    marks: tuple[tuple[float, Text], ...] = ()
    caption: Text = ""


class PairRow(Frozen):
    """Two samples that people should look at."""

    score: float
    a: str
    b: str
    subject_a: str
    subject_b: str
    record_a: int = -1
    record_b: int = -1
    note: Text = ""


class Pairs(Frozen):
    """A list of pairs with their images."""

    title: Text
    unit: str
    rows: tuple[PairRow, ...]
    note: Text = ""


class Place(Frozen):
    """A place in an image that people should look at.

    Attributes:
        path: of the image.
        box: x1, y1, x2, y2 in its pixels; None for the whole image.
        words: what is there.
        boxes: others that are drawn with it.
    """

    path: str
    box: tuple[float, float, float, float] | None
    words: Text
    boxes: tuple[tuple[float, float, float, float], ...] = ()


class Places(Frozen):
    """Places in images, shown side by side."""

    title: Text
    rows: tuple[Place, ...]
    note: Text = ""


class Evaluated(Frozen):
    """What was evaluated: model, contract, unit, set, and what could not be embedded."""

    model: str
    contract: str
    unit: str
    source: str
    detector: str
    samples: int
    subjects: int
    not_embedded: dict[str, int]
    sentence: Text = ""
    """Says all of this where it is not a set of embeddings."""


class Report(Frozen):
    """What a protocol found."""

    format: Literal["mien report"] = "mien report"
    version: Literal[1] = 1
    protocol: str
    title: Text
    about: Evaluated
    headline: tuple[Text, ...]
    numbers: dict[str, Number]
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    pairs: tuple[Pairs, ...] = ()
    galleries: tuple[Places, ...] = ()
    warnings: tuple[Text, ...] = ()
    thresholds: tuple[ThresholdRow, ...] = ()
    made_with: dict[str, str] = {}

    def _repr_html_(self) -> str:
        """Headline and figures, for notebooks; the page of `mien.write_report` has all of it."""
        spoken_report = self.in_language("en")
        lines = [*spoken_report.headline, *spoken_report.warnings]
        rows = [(line,) for line in lines]
        figures = [(name, *one.as_row()) for name, one in self.numbers.items()]
        return html_table(spoken(spoken_report.title), rows) + html_table("figures", figures, ("figure", *NUMBER_ROW))

    def to_arrow(self) -> "pyarrow.Table":
        """The figures as a pyarrow.Table: figure, value, low, high, unit; `.to_pandas()` makes a data frame of it."""
        import pyarrow

        rows = [(name, *one.as_row()) for name, one in self.numbers.items()]
        columns = list(zip(*rows, strict=True)) or [()] * (1 + len(NUMBER_ROW))
        return pyarrow.table(dict(zip(("figure", *NUMBER_ROW), map(list, columns), strict=True)))

    def in_language(self, language: str) -> "Report":
        """The same report with all its texts in a language."""
        spoken: Report = _in_language(self, language)
        return spoken


def spoken(text: Text) -> str:
    """A text of a report that is in a language already."""
    if isinstance(text, Message):
        raise TypeError(f"{text.code} is not in a language yet; call Report.in_language first")
    return text


def _in_language(value: Any, language: str) -> Any:  # noqa: ANN401 - any part of a report
    if isinstance(value, Message | str):
        text = value.text(language) if isinstance(value, Message) else value
        # Bytes of file names that are not UTF-8 are written out; JSON and pages cannot hold them.
        return text.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Frozen):
        parts = {name: _in_language(getattr(value, name), language) for name in type(value).model_fields}
        return value.model_copy(update=parts)
    if isinstance(value, tuple) and not all(isinstance(one, float) for one in value):
        return tuple(_in_language(one, language) for one in value)
    return value


def number(rate: Estimate) -> Number:
    """A rate for programs."""
    low, high = rate.interval or (None, None)
    return Number(value=rate.value, low=low, high=high, missing_people=rate.missing or None, comparisons=rate.count)


def band(rates: Iterable[Estimate]) -> dict[str, tuple[float, ...]]:
    """`low` and `high` of a Series of rates; nothing where the interval of one needs more people."""
    ends = [rate.interval for rate in rates]
    known = [one for one in ends if one is not None]
    if len(known) < len(ends):
        return {}
    return {"low": tuple(low for low, _ in known), "high": tuple(high for _, high in known)}


def read_report(path: Path) -> Report:
    """Read report.json."""
    return Report.model_validate_json(path.read_text(encoding="utf-8"))


def thin(values: Sequence[float], max_count: int = 400) -> list[int]:
    """Indices of at most so many values, evenly, both ends included."""
    if len(values) <= max_count:
        return list(range(len(values)))
    return sorted({round(step * (len(values) - 1) / (max_count - 1)) for step in range(max_count)})
