"""No figure that is shown is older than the result that it comes from."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def figures(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("figures")


def test_no_table_is_older_than_its_results(
    figures: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["figures.py", "--check"])
    assert figures.main() == 0, capsys.readouterr().out


def test_a_figure_that_was_changed_by_hand_is_noticed(
    figures: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert figures.filled(text, "en") == text
    better = text.replace("99.17%", "99.97%")
    assert better != text and figures.filled(better, "en") == text


def test_every_table_is_shown_and_every_mark_has_a_table(figures: ModuleType) -> None:
    shown = {found[1] for name in figures.FILES for found in figures.MARK.findall((ROOT / name).read_text("utf-8"))}
    assert shown == set(figures.TABLES)


def test_both_languages_of_the_readme_show_the_same_figures(figures: ModuleType) -> None:
    english, vietnamese = figures.peers("en"), figures.peers("vi")
    assert english != vietnamese
    assert re.findall(r"\d[\d.]*", english) == re.findall(r"\d[\d.]*", vietnamese)
