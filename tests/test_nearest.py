"""The nearest right name for a wrong one."""

import ast
from pathlib import Path

import pytest

from mien.nearest import LONG, SHORT, did_you_mean

SOURCE = Path(__file__).parents[1] / "src" / "mien"


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [("detecter", "; did you mean detector?"), ("precison", "; did you mean precision?"), ("colour", "")],
)
def test_the_nearest_name_ends_the_sentence(wrong: str, wanted: str) -> None:
    assert did_you_mean(wrong, iter(["detector", "precision", "engine"])) == wanted


def test_how_alike_names_must_be_is_up_to_the_caller() -> None:
    # Ten letters, of which six are shared in order: a ratio of 0.6.
    assert did_you_mean("abcdefwxyz", ["abcdefghij"]) == "; did you mean abcdefghij?"
    assert did_you_mean("abcdefwxyz", ["abcdefghij"], 0.61) == ""
    assert did_you_mean("abcdevwxyz", ["abcdefghij"]) == ""
    assert did_you_mean("abcdevwxyz", ["abcdefghij"], SHORT) == "; did you mean abcdefghij?"
    assert did_you_mean("MIEN_RECOGNISER", ["MIEN_RECOGNIZER"], LONG) != ""
    assert did_you_mean("MIEN_MESSAGES", ["MIEN_MEMORY"], LONG) == ""


def test_the_question_is_worded_in_one_place() -> None:
    asked = [path for path in SOURCE.rglob("*.py") if "did you mean" in _strings(path)]
    assert asked == [SOURCE / "nearest.py"]


def _strings(path: Path) -> str:
    """All texts of a module besides its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {id(one.body[0].value) for one in ast.walk(tree) if isinstance(one, holders) and _begins(one)}
    constants = (one for one in ast.walk(tree) if isinstance(one, ast.Constant) and id(one) not in docstrings)
    return "\n".join(one.value for one in constants if isinstance(one.value, str))


def _begins(one: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    return bool(one.body) and isinstance(one.body[0], ast.Expr)
