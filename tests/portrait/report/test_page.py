"""The page of an audit: markup in names is shown and not run, and both languages are whole."""

import html
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from mien import portrait
from mien.data.stored_paths import stored_path
from mien.image import decode, read_image
from mien.messages import find_catalogue
from mien.portrait.auditing import AuditResult
from mien.portrait.dataset.findings import Finding
from mien.portrait.report.page import WORST, _AuditView, audit_page
from mien.portrait.rules.verdicts import FAIL, states
from mien.thumbnail import FOUND
from mien.types import floats

NAME = "<script>alert('x')"
"""A folder's name may hold markup, but no slash."""


@pytest.fixture(scope="module")
def marked(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    """An audit of two people whose names are markup, with a duplicate in both."""
    root = tmp_path_factory.mktemp("marked") / "<b>set"
    for person, number in ((NAME, 0), (NAME, 1), ("<img src=x onerror=alert(1)>", 0)):
        place = root / "adults" / person / f"{number}<i>.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((portraits / "adults" / "Grace" / f"{number}.jpg").read_bytes())
    (root / "children").mkdir()
    return portrait.audit(root, out=tmp_path_factory.mktemp("out") / "report", recognizer=None)


@pytest.mark.parametrize("language", ["en", "vi"])
def test_markup_in_names_is_shown_and_not_run(marked: AuditResult, language: str) -> None:
    page = audit_page(marked.audit, language, {"<u>mien": "1"})
    tags = set(re.findall(r"<([a-zA-Z]+)", page))
    assert "script" not in tags
    assert not tags & {"u:", "script"} and "<i>." not in page and "<b>set" not in page and "<u>mien" not in page
    assert "onerror=alert(1)>" not in page and "onerror=alert(1)&gt;" in page
    assert "&lt;script&gt;" in page


def test_pages_of_two_languages_show_the_same_numbers(marked: AuditResult) -> None:
    english, vietnamese = (audit_page(marked.audit, name, {"mien": "1"}) for name in ("en", "vi"))
    cells = [re.findall(r'class="number[^"]*">([^<]*)<', page) for page in (english, vietnamese)]
    numbers = [[cell for cell in one if cell[:1].isdigit()] for one in cells]
    assert numbers[0] == numbers[1] and len(numbers[0]) > 50
    assert [page.count("<img ") for page in (english, vietnamese)] == [english.count("<img ")] * 2
    assert english.count("data:image/jpeg;base64,") >= 4


def test_no_english_is_left_on_the_vietnamese_page(marked: AuditResult) -> None:
    page = re.sub(r"<style>.*?</style>", "", audit_page(marked.audit, "vi", {"mien": "1"}), flags=re.DOTALL)
    texts = [text.strip() for text in re.findall(r">([^<>]+)<", page)]
    english = set(find_catalogue("en").texts.values()) - set(find_catalogue("vi").texts.values())
    assert [text for text in texts if text in english] == []
    assert "Chưa biết thiếu nhóm nào" in page


def test_an_image_that_is_gone_is_named(marked: AuditResult, tmp_path: Path) -> None:
    page = audit_page(replace(marked.audit, root=tmp_path), "vi", {"mien": "1"})
    assert "không đọc được 0&lt;i&gt;.jpg" in page
    assert "data:image" not in page


def test_long_lists_are_cut_and_the_rest_is_counted(marked: AuditResult) -> None:
    few = [Finding(kind="stray-file", place=f"{n}.txt") for n in range(11)]
    pair = tuple(entry.path for entry in marked.audit.entries[:2])
    labels = [
        Finding(kind="unlike-others", place=f"doubt-{n}", others=pair[:1], shown=pair, certainty=n / 100)
        for n in range(30)
    ]
    page = audit_page(replace(marked.audit, findings=(*few, *labels)), "en", {"mien": "1"})
    assert [f"{n}.txt is not an image: remove it" in page for n in (7, 8)] == [True, False]
    assert "and 3 more in report.json" in page, "eight examples of eleven"
    assert "and 6 more in report.json" in page, "24 pairs of 30"
    assert page.index("certainty 0.29") < page.index("certainty 0.28"), "the surest first"
    assert "certainty 0.05" not in page


def test_the_worst_images_of_a_rule_are_the_farthest_beyond_its_limit(marked: AuditResult) -> None:
    one = next(r for r in marked.audit.results if r.rule.measure == "face_side")
    rule = one.rule.model_copy(update={"min": 10.0, "max": 20.0})
    values = floats([9, 15, 30, 5, 12, *range(21, 31)])
    result = replace(one, rule=rule, values=values, states=states(rule, values, values * 0)[0])
    assert [float(values[row]) for row in result.worst(3)] == [30, 30, 29]
    assert len(result.worst(WORST)) == WORST == 8


@pytest.fixture(scope="module")
def page(marked: AuditResult) -> str:
    return (marked.out / "report.html").read_text("utf-8")


def test_the_top_says_in_one_sentence_why_it_failed_and_what_to_collect(page: str) -> None:
    start, collect, rules = page.index("Why: "), page.index('<h2 id="collect">'), page.index('<h2 id="rules">')
    assert start < collect < rules
    sentence = page[start : page.index("</p>", start)]
    assert "errors of structure, duplicates and labels" in sentence and sentence.rstrip().endswith(".")


def test_contents_lead_to_the_parts_that_there_are(page: str) -> None:
    targets = re.findall(r'<a href="#([a-z]+)">', page)
    assert targets[:3] == ["collect", "rules", "findings"] and len(targets) >= 5
    assert all(f'id="{target}"' in page for target in targets)


def test_rules_that_no_image_fails_are_folded(marked: AuditResult, page: str) -> None:
    folded = re.search(r"<details><summary>(\d+) rules that no image fails</summary>(.*?)</details>", page, re.DOTALL)
    assert folded is not None
    met = [one for one in marked.audit.results if not one.count(FAIL) and not marked.audit.open(one)]
    assert int(folded[1]) == len(met) > 10 and folded[2].count('class="is-') == len(met)
    assert page[: folded.start()].count('<tr class="is-') == len(marked.audit.results) - len(met)


def test_the_filter_hides_by_severity_without_a_script(page: str) -> None:
    assert page.count('type="radio" name="show"') == 3 and "<script" not in page
    assert "body:has(#show-error:checked) .is-warning" in page


def test_images_are_linked_from_where_the_page_is(marked: AuditResult, page: str) -> None:
    links = {html.unescape(one) for one in re.findall(r'<a href="([^"#]+)">', page)}
    found = {(marked.out / unquote(link)).resolve() for link in links}
    paths = {(marked.audit.root / stored_path(entry.path)).resolve() for entry in marked.audit.entries}
    assert found and found <= paths
    assert "<a href=" not in re.sub(r'<a href="#', "", audit_page(marked.audit, "en", {"mien": "1"}))


def test_rules_are_called_by_their_titles_not_by_their_ids(page: str) -> None:
    text = re.sub(r"<[^>]+>", " ", page)
    assert "eyes-open" not in text and "no-covering" not in text
    assert "The eyes are open (3)" in text, "why it was not assessed"


def test_framing_is_shown_on_the_whole_picture_with_the_face_marked(marked: AuditResult) -> None:
    """The part around the face says nothing about where the face is in the picture."""
    audit = marked.audit
    (size,) = [one for one in audit.results if one.rule.measure == "face_share"]
    height, width = read_image(audit.root / stored_path(audit.entries[0].path)).shape[:2]
    shown = _AuditView(audit, "en", None)._place(size, 0).thumbnails[0]
    small = decode(shown.jpeg, "thumbnail")
    assert small.width / small.height == pytest.approx(width / height, rel=0.02)
    assert (np.abs(small.image.astype(int) - FOUND).max(axis=2) < 60).sum() > 50, "the box of the face"
