"""No picture of docs/pictures is older than what it shows."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ("recognizers.png", "one-person-twice.png")


@pytest.fixture
def pictures(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("pictures")


def test_no_picture_is_older_than_what_it_shows(pictures: ModuleType) -> None:
    """The README showed an audit's page with backticks, which pages had not had for a day."""
    assert [f"python scripts/pictures.py {name}" for name in pictures.old_pictures()] == []


def test_a_page_that_changes_makes_its_picture_old(
    pictures: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    changed = tmp_path / "people.html"
    changed.write_text("another page", encoding="utf-8")
    monkeypatch.setitem(pictures.SHOWN, "page-people.png", (str(changed),))
    assert "page-people.png" in pictures.old_pictures()


def test_every_picture_is_drawn_by_a_command_and_shown_on_a_page(pictures: ModuleType) -> None:
    there = {path.name for path in (ROOT / "docs/pictures").iterdir()} - {"shown.json"}
    assert there == set(pictures.SHOWN) | set(pictures.ELSEWHERE)
    texts = [path.read_text("utf-8") for path in (*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md"))]
    assert [name for name in there if not any(f"pictures/{name}" in text for text in texts)] == []


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def figures(text: str) -> dict[str, object]:
    """What a result says, without where and by which command it was measured."""
    return {key: value for key, value in json.loads(text).items() if key not in ("machine", "command")}


@pytest.mark.parametrize("name", CHARTS)
def test_no_chart_is_of_a_commit_in_which_its_result_was_another(pictures: ModuleType, name: str) -> None:
    if git("rev-parse", "--is-shallow-repository").strip() != "false":
        pytest.skip("there is no history to compare commits in")
    result = pictures.ELSEWHERE[name]
    commit = git("log", "-1", "--format=%H", "--", f"docs/pictures/{name}").strip()
    assert commit and figures(git("show", f"{commit}:{result}")) == figures((ROOT / result).read_text("utf-8"))
