"""How problems of a set are shown: the first ones, and how many more there are."""

import pytest

from mien.cli.data.problems import LISTED, problems_as_json, show_problems
from mien.data.sample import Problem

PROBLEMS = tuple(Problem(f"row {number}", "gone.jpg is missing") for number in range(LISTED + 5))


def test_the_first_problems_are_listed_and_the_others_counted(capsys: pytest.CaptureFixture[str]) -> None:
    show_problems(PROBLEMS, 1234)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["problem", "at", "what"]
    assert [line.split("  ")[0].strip() for line in shown[1:-1]] == [f"row {number}" for number in range(LISTED)]
    assert shown[-1] == f"and {1234 - LISTED:,} more"


def test_without_problems_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_problems((), 0)
    assert capsys.readouterr().out == ""


def test_problems_are_json_objects() -> None:
    assert problems_as_json(PROBLEMS[:1]) == [{"where": "row 0", "reason": "gone.jpg is missing"}]
