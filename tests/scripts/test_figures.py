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
    shown = {found[1] for name in figures.TABLED for found in figures.MARK.findall((ROOT / name).read_text("utf-8"))}
    assert shown == set(figures.TABLES)


def test_both_languages_of_the_readme_show_the_same_figures(figures: ModuleType) -> None:
    english, vietnamese = figures.peers("en"), figures.peers("vi")
    assert english != vietnamese
    assert re.findall(r"\d[\d.]*", english) == re.findall(r"\d[\d.]*", vietnamese)


@pytest.fixture
def sentences(figures: ModuleType) -> ModuleType:
    """Loaded by figures, which is asked for first."""
    return figures.figure_sentences


@pytest.mark.parametrize(
    ("name", "figure"), [("README.md", r"\[([\d.]+) times\]"), ("README.vi.md", r"\[([\d,]+) lần\]")]
)
def test_a_figure_of_a_sentence_that_was_changed_by_hand_is_written_again(
    sentences: ModuleType, name: str, figure: str
) -> None:
    """The README said 12.5 times face_recognition when the result said 11.9."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = re.search(figure, text)
    assert found is not None
    better = text[: found.start(1)] + "99" + text[found.end(1) :]
    assert sentences.filled(better, name, decimal_comma=name.endswith(".vi.md")) == text != better


def test_a_sentence_that_was_reworded_is_not_left_with_its_old_figures(sentences: ModuleType) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("enrolments lost", "enrolments gone")
    with pytest.raises(
        sentences.SentenceMissingError, match=r"README\.md has no sentence '\[\{\} of .*enrolments lost"
    ):
        sentences.filled(text, "README.md")


def test_a_sentence_is_found_across_its_lines(sentences: ModuleType) -> None:
    one = sentences.Sentence("a.md", "takes {} ms (of {}) here", lambda: ("1.5", "2,000"))
    found = one.pattern().search("It takes 3\n  ms (of 4)\there.")
    assert found is not None and found.groups() == ("3", "4")


def test_a_claim_that_all_wrong_labels_are_found_ends_with_the_first_that_is_not(
    sentences: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {"kind": "swapped", "share": 0.01, "wrong": 60, "mien audit": {"precision": 0.9, "recall": 0.98}}
    monkeypatch.setattr(sentences, "result", lambda name: {"runs": [run]})
    with pytest.raises(ValueError, match="does not find all swapped labels"):
        sentences.wrong_labels()
