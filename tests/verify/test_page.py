"""The page: both faces of each pair, filters, nothing unescaped, in both languages."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.models import store
from mien.verify import page as pages
from mien.verify.decisions import DecisionRule, decide_pair
from mien.verify.labelled import rates_by_label
from mien.verify.log import DecisionLog
from mien.verify.page import log_page
from mien.verify.review import review_band

CARD = store.load("dlib-resnet").card


@pytest.fixture
def log(made_image: Callable, made_pair: Callable, tmp_path: Path) -> DecisionLog:
    threshold = CARD.threshold(1e-3)
    band = review_band(threshold, CARD, "everybody", 2)
    rule = DecisionRule(threshold=threshold, card=CARD, policy="warn", band=band)
    images = {name: made_image(name, jpeg=b"\xff\xd8" + name.encode()) for name in ("a<b>.jpg", "b.jpg")}
    images["bad.jpg"] = made_image("bad.jpg", problem="<script>alert(1)</script> is broken")
    rows = [
        (made_pair(2, "a<b>.jpg", "b.jpg", True), 0.1),
        (made_pair(3, "a<b>.jpg", "b.jpg", False), 0.9),
        (made_pair(4, "a<b>.jpg", "b.jpg", True), threshold.value + 0.001),
        (made_pair(5, "a<b>.jpg", "bad.jpg"), None),
        (made_pair(6, "", "", problem="list.csv, row 6: nothing"), None),
    ]
    decisions = tuple(decide_pair(pair, images, score, rule) for pair, score in rows)
    return DecisionLog(
        decisions=decisions,
        columns=("card", "selfie"),
        threshold=threshold,
        group="everybody",
        notes=(),
        band=band,
        rates=rates_by_label(decisions, threshold.value, "l2"),
        made_with={"mien": "1"},
        out=tmp_path,
        measured=3,
    )


def blocks(page: str) -> list[str]:
    return re.findall(r'<div class="one ([^"]+)">', page)


def test_each_pair_is_there_once_with_what_is_to_be_looked_at_first(log: DecisionLog) -> None:
    page = log_page(log, "en")
    assert blocks(page) == ["no-match review wrong", "failed", "failed", "match", "no-match"]
    # Both faces of three pairs, and one of the pair whose other image is broken.
    assert page.count("data:image/jpeg") == 7 and "list.csv, row 6: nothing" in page


def test_filters_count_all_pairs_and_hide_the_others(log: DecisionLog) -> None:
    page = log_page(log, "en")
    found = re.findall(r'<label for="show-([\w-]+)"[^>]*>([^<]+)</label>', page)
    assert dict(found) == {
        "all": "all 5", "review": "to review 1", "match": "match 1", "no-match": "no match 2", "failed": "failed 2",
        "wrong": "contradict the list 1",
    }  # fmt: skip
    for name, _ in found[1:]:
        assert f"#show-{name}:checked~.pairs .one:not(.{name}){{display:none}}" in page
    assert "<script" not in page


def test_names_and_reasons_are_escaped(log: DecisionLog) -> None:
    page = log_page(log, "en")
    assert "a&lt;b&gt;.jpg" in page and "a<b>" not in page and "&lt;script&gt;alert" in page


def test_the_page_says_what_decides_and_what_it_is_worth(log: DecisionLog) -> None:
    page = log_page(log, "en")
    assert "L2 is at most 0.527" in page and "0.1% (0.05% to 0.109%)" in page
    assert "FNMR 50%" in page and "FMR 0%" in page and "Scores from 0.505 to 0.548" in page
    vietnamese = log_page(log, "vi")
    assert "không khớp" in vietnamese and "0,527" in vietnamese and "cùng một người" in vietnamese


def test_a_long_list_shows_the_first_and_says_how_many_more(
    log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_SHOWN", 2)
    page = log_page(log, "en")
    assert len(blocks(page)) == 2 and "and 3 more in decisions.csv" in page
