"""report.md: cells, tables and lists as Markdown reads them."""

import re

import pytest

from mien.evaluate.markdown import cell_text, markdown
from mien.evaluate.report import Cell, Chart, Evaluated, PairRow, Pairs, Place, Places, Report, Table


@pytest.fixture
def report() -> Report:
    return Report(
        protocol="p",
        title="Title",
        about=Evaluated(
            model="m", contract="c", unit="cosine", source="s", detector="", samples=2, subjects=1, not_embedded={}
        ),
        headline=("First.", "Second."),
        numbers={},
        tables=(Table(title="Table", columns=("a|b", "n"), rows=(("x\ny", 12345), (None, 0.123456)), note="Note."),),
        charts=(Chart(name="det", title="Det", kind="det", x_label="", y_label="", series=(), caption="Below."),),
        pairs=(
            Pairs(
                title="Pairs",
                unit="L2",
                rows=(PairRow(score=0.5, a="1.jpg", b="2.jpg", subject_a="An", subject_b="B"),),
            ),
        ),
        galleries=(Places(title="Places", rows=(Place(path="3.jpg", box=(1, 2, 3, 4.4), words="missed"),)),),
        warnings=("Careful.",),
        made_with={"mien": "1.0", "seed": "0"},
    )


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, ""), (0.123456, "0.1235"), (1e-7, "1e-07"), (12345, "12,345"), (0, "0"), ("word", "word")],
)
def test_cells(cell: Cell, text: str) -> None:
    assert cell_text(cell) == cell_text(cell, "en") == text
    assert cell_text(cell, "vi") == text.translate(str.maketrans(",.", ".,"))


def test_all_parts_are_there_in_their_order(report: Report) -> None:
    lines = markdown(report, "en").splitlines()
    order = ["# Title", "> Careful.", "- First.", "- Second.", "## Table", "Note.", "## Det", "![Det](det.png)"]
    places = [lines.index(line) for line in [*order, "Below.", "## Pairs", "## Places", "mien 1.0, seed 0"]]
    assert places == sorted(places) and places[-1] == len(lines) - 1


def test_a_table_keeps_its_columns_whatever_its_cells_hold(report: Report) -> None:
    text = markdown(report, "en")
    assert "| a\\|b | n |\n| --- | --- |\n| x y | 12,345 |\n|  | 0.1235 |\n" in text
    assert "| 0.5000 | An | B | 1.jpg | 2.jpg |  |" in text and "| 3.jpg | 1 2 3 4 | missed |" in text


def test_only_the_own_words_and_numbers_are_in_another_language(report: Report) -> None:
    one, two = (markdown(report, language).splitlines() for language in ("en", "vi"))
    differ = [(a, b) for a, b in zip(one, two, strict=True) if a != b]
    numbers = [b for a, b in differ if any(text in a for text in ("12,345", "0.1235", "0.5000"))]
    assert numbers == ["| x y | 12.345 |", "|  | 0,1235 |", "| 0,5000 | An | B | 1.jpg | 2.jpg |  |"]
    assert len(differ) == 6 and all(a.startswith("| ") or "cosine" in a for a, _ in differ)


HARMFUL = {
    "<script>alert(1)</script>": "<script>",
    "<img src=x onerror=alert(1)>": "<img",
    "![x](http://example.com/x.png)": "![x](",
    "[x](javascript:alert(1))": "[x](",
    "a|b": "a|b",
    "a\\|b": "a\\|b |",
    "&lt;b&gt;": " &lt;b",
}
"""Names that act on a page, and what of them must not be in the Markdown."""


@pytest.mark.parametrize("name", HARMFUL)
def test_names_cannot_become_html_links_or_images_or_break_a_table(report: Report, name: str) -> None:
    row = PairRow(score=0.5, a=name, b=name, subject_a=name, subject_b=name, note=name)
    place = Place(path=name, box=None, words=name)
    harmed = report.model_copy(
        update={
            "pairs": (Pairs(title="Pairs", unit="L2", rows=(row,)),),
            "galleries": (Places(title="Places", rows=(place,)),),
            "tables": (Table(title="Table", columns=("n", "m"), rows=((name, name),)),),
        }
    )
    lines = markdown(harmed, "en").splitlines()
    assert not any(HARMFUL[name] in line for line in lines)
    cells = {line: len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines if line.startswith("| ")}
    assert set(cells.values()) == {3, 4, 7}


@pytest.mark.parametrize("name", ["<script>", "![x](http://example.com)", "[x](y)", "&lt;b&gt;", "two\nlines"])
def test_names_in_sentences_cannot_become_html_links_or_images(report: Report, name: str) -> None:
    harmed = report.model_copy(update={"title": name, "headline": (name,), "warnings": (name,)})
    text = markdown(harmed, "en")
    assert (
        name not in text.replace("\\[", "") and len(text.splitlines()) == len(markdown(report, "en").splitlines()) - 1
    )


def test_commands_in_sentences_stay_code(report: Report) -> None:
    text = markdown(report.model_copy(update={"warnings": ("Run `mien evaluate x`.",)}), "en")
    assert "> Run `mien evaluate x`." in text
