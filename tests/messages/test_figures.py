"""Figures that several rooms show."""

import ast
from pathlib import Path

import pytest

from mien.messages import find_catalogue, languages
from mien.messages.figures import between, exact_score, percent, score_text

SOURCE = Path(__file__).resolve().parents[2] / "src" / "mien"


@pytest.mark.parametrize(
    ("share", "en", "vi"),
    [(0.0242, "2.42%", "2,42%"), (1e-4, "0.01%", "0,01%"), (0.5, "50%", "50%"), (0, "0%", "0%")],
)
def test_a_share_is_a_percentage_of_three_digits(share: float, en: str, vi: str) -> None:
    assert (percent(share).text("en"), percent(share).text("vi")) == (en, vi)


def test_a_figure_has_the_ends_of_its_interval() -> None:
    rate = between(percent(0.03), percent(0.01), percent(0.05))
    assert rate.text("en") == "3% (1% to 5%)" and rate.text("vi") == "3% (1% đến 5%)"


def test_scores_have_three_decimals_for_people_and_four_in_reports() -> None:
    assert score_text(0.41237).text("en") == "0.412" and exact_score(0.41237).text("vi") == "0,4124"


def test_every_figure_is_in_the_catalogues_and_used() -> None:
    codes = {code.removesuffix("_one") for code in find_catalogue("en").texts if code.startswith("figure.")}
    source = (SOURCE / "messages" / "figures.py").read_text(encoding="utf-8")
    used = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert codes and codes <= used
    assert all(codes <= set(find_catalogue(language).texts) for language in languages())
