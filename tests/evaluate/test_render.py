"""A report on disk: all its forms, in both languages, with names that look like markup."""

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from mien.errors import LanguageError
from mien.evaluate.protocols.mated import mated
from mien.evaluate.render import write_report
from mien.evaluate.report import Report, read_report
from mien.evaluate.scorefile import Embedded

Make = Callable[..., Embedded]


def test_every_report_has_all_its_forms(report: Report, folder: Path) -> None:
    write_report(report, folder)
    report = report.in_language("en")
    assert read_report(folder / "report.json") == report
    raw = json.loads((folder / "report.json").read_text())
    assert raw["format"] == "mien report" and raw["version"] == 1 and raw["numbers"] and raw["headline"]
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == len(report.charts)
    assert not re.search(r'(src|href)="(?!data:|#)', page), "the page asks nothing of the network"
    text = (folder / "report.md").read_text()
    for chart in report.charts:
        picture = cv2.imread(str(folder / f"{chart.name}.png"))
        assert picture is not None and picture.std() > 5
        assert f"({chart.name}.png)" in text
    for table in report.tables:
        assert table.title in text and len({len(row) for row in table.rows} | {len(table.columns)}) == 1
    for sentence in report.headline:
        assert sentence in text
    assert not list(folder.glob("*.part*")), "no scratch file is left"


def test_the_same_set_gives_the_same_report(make_embedded: Make, folder: Path) -> None:
    for name in ("a", "b"):
        write_report(mated(make_embedded()), folder / name)
    for path in (folder / "a").glob("[!.]*"):
        assert path.read_bytes() == (folder / "b" / path.name).read_bytes(), path.name


def test_an_older_report_is_replaced(make_embedded: Make, folder: Path) -> None:
    write_report(mated(make_embedded()), folder)
    before = (folder / "report.json").read_text()
    write_report(mated(make_embedded(seed=1)), folder)
    assert (folder / "report.json").read_text() != before


def test_both_languages_hold_the_same_report(report: Report, folder: Path) -> None:
    write_report(report, folder / "en")
    write_report(report, folder / "vi", "vi")
    one, two = (read_report(folder / name / "report.json") for name in ("en", "vi"))
    assert one.numbers == two.numbers and [chart.name for chart in one.charts] == [chart.name for chart in two.charts]
    assert one.headline != two.headline and one.title != two.title
    page = (folder / "vi" / "report.html").read_text()
    assert '<html lang="vi">' in page
    for text in (*two.headline, *two.warnings, *(table.title for table in two.tables)):
        assert str(text) in html.unescape(page)
    english = {text for table in one.tables for text in (table.title, *table.columns, table.note)}
    vietnamese = {text for table in two.tables for text in (table.title, *table.columns, table.note)}
    same = {str(text) for text in english & vietnamese} - {""}
    assert same <= {"FMR", "FNMR", "FPIR", "FNIR", "FNMR, a-model", "FNMR, other"}, "texts that are the same in both"


def test_names_that_look_like_markup_are_shown_as_they_are(make_embedded: Make, folder: Path) -> None:
    embedded = make_embedded()
    evil = "<script>alert('x')</script>&amp;"
    names = tuple(evil if name == "s0003" else name for name in embedded.subjects)
    paths = tuple(path.replace("s0003", "<b>s0003") for path in embedded.paths)
    marked = replace(embedded, subjects=names, paths=paths, origin=replace(embedded.origin, source=f"set {evil}"))
    write_report(mated(marked), folder)
    page = (folder / "report.html").read_text()
    assert "<script" not in page and "<b>" not in page
    assert "&lt;script&gt;alert(" in page and "&amp;amp;" in page
    assert evil in str(read_report(folder / "report.json").title)


def test_names_that_act_on_a_page_are_harmless_in_markdown(make_embedded: Make, folder: Path) -> None:
    embedded = make_embedded()
    evil = "<script>![x](http://example.com/x.png)|"
    names = tuple(evil if name == "s0003" else name for name in embedded.subjects)
    write_report(mated(replace(embedded, subjects=names, origin=replace(embedded.origin, source=evil))), folder)
    text = (folder / "report.md").read_text()
    assert "<script" not in text and "![x]" not in text and "&lt;script>" in text


def test_a_set_whose_name_is_not_utf_8_has_its_report(make_embedded: Make, folder: Path) -> None:
    embedded = make_embedded()
    write_report(mated(replace(embedded, origin=replace(embedded.origin, source="caf\udce9"))), folder)
    for name in ("report.json", "report.html", "report.md"):
        assert "caf\\udce9" in (folder / name).read_text(encoding="utf-8").replace("\\\\", "\\")


@pytest.mark.parametrize("language", ["xx", ""])
def test_an_unknown_language_writes_nothing(make_embedded: Make, folder: Path, language: str) -> None:
    with pytest.raises(LanguageError):
        write_report(mated(make_embedded()), folder, language)
    assert not folder.exists()
