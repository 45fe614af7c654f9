"""report.md: a report as Markdown, for repositories and reviews. Charts are PNG files next to it.

Names of files, subjects and sets come from others: they can neither become HTML, links or images, nor break a table.
"""

import re
from collections.abc import Iterator, Sequence

from mien.evaluate.report import Cell, Pairs, Places, Report, Table, spoken
from mien.evaluate.wording import about_text, message
from mien.messages import Text, number, text_of

SENTENCE = re.compile(r"[\[<]|&(?=#?\w+;)")
"""What could become HTML, a link or an image in a sentence; its code in backticks stays code."""
CELL = re.compile(r"[\[\]<>|*`\\]|&(?=#?\w+;)")
"""What a cell, which is shown letter by letter, must not hold as it is."""
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
"""How HTML writes them; everything else gets a backslash."""


def markdown(report: Report, language: str) -> str:
    """The Markdown of a report that is in a language already; `language` is that of its own words."""
    return "\n".join(_lines(report, language)) + "\n"


def _lines(report: Report, language: str) -> Iterator[str]:
    yield from (f"# {_said(report.title)}", "", _escaped(text_of(about_text(report.about), language)), "")
    for warning in report.warnings:
        yield from (f"> {_said(warning)}", "")
    yield from (f"- {_said(text)}" for text in report.headline)
    for table in report.tables:
        yield from _table(table, language)
    for chart in report.charts:
        yield from ("", f"## {_said(chart.title)}", "", f"![{_said(chart.title)}]({chart.name}.png)")
        yield from ("", _said(chart.caption)) if chart.caption else ()
    for pairs in report.pairs:
        yield from _pairs(pairs, language)
    for places in report.galleries:
        yield from _places(places, language)
    yield from ("", _escaped(", ".join(f"{name} {value}" for name, value in report.made_with.items())))


def _table(table: Table, language: str) -> Iterator[str]:
    yield from ("", f"## {_said(table.title)}", "")
    yield from _head([spoken(column) for column in table.columns])
    yield from (_row([cell_text(cell, language) for cell in row]) for row in table.rows)
    yield from ("", _said(table.note)) if table.note else ()


def _pairs(pairs: Pairs, language: str) -> Iterator[str]:
    yield from ("", f"## {_said(pairs.title)}", "", *([_said(pairs.note), ""] if pairs.note else []))
    yield from _head(_columns(("score", "subject", "subject", "file", "file", "remark"), language))
    for row in pairs.rows:
        yield _row((number(row.score, language, ".4f"), row.subject_a, row.subject_b, row.a, row.b, spoken(row.note)))


def _places(places: Places, language: str) -> Iterator[str]:
    yield from ("", f"## {_said(places.title)}", "", *([_said(places.note), ""] if places.note else []))
    yield from _head(_columns(("file", "box", "remark"), language))
    for row in places.rows:
        yield _row((row.path, " ".join(f"{side:.0f}" for side in row.box or ()), spoken(row.words)))


def _columns(names: Sequence[str], language: str) -> list[str]:
    return [message(f"column.{name}").text(language) for name in names]


def cell_text(cell: Cell, language: str = "en") -> str:
    """A cell of a table as text; `language` is that of its numbers."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return number(cell, language, ".4g")
    return number(cell, language) if isinstance(cell, int) else spoken(cell)


def _said(text: Text) -> str:
    """A sentence of a report that is in a language already."""
    return _escaped(spoken(text))


def _escaped(text: str, harmful: re.Pattern[str] = SENTENCE) -> str:
    """The text on one line, in which no name can be HTML, a link or an image."""
    return harmful.sub(lambda found: ENTITIES.get(found.group(), f"\\{found.group()}"), " ".join(text.splitlines()))


def _head(columns: Sequence[str]) -> tuple[str, str]:
    return _row(columns), _row(["---"] * len(columns))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(cell, CELL) for cell in cells) + " |"
