"""scripts/words.py finds the words that the project has given up, and nothing else."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def words(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("words")


def found(words: ModuleType, line: str, path: str = "src/mien/a.py") -> list[str]:
    return [one.word for one in words.check(path, line)]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("Embed them anew.", "anew"),
        ("Likewise for pairs.", "Likewise"),
        ("users are told", "told"),
        ("tell which", "tell"),
        ("the mouth lies below", "lies"),
        ("the points lie on a circle", "lie on"),
        ("the least score", "least"),
        ("LEAST = 0.02", "LEAST"),
        ("def cut(rows: int, most: int) -> None:", "most"),
        ("pass --most 20", "--most"),
        ("the file is no recipe", "is no"),
        ("these are no pairs", "are no"),
        ("a number is none", "is none"),
        ("152 images a second", "images a second"),
        ("once an epoch", "once an epoch"),
        ("one value a line", "value a line"),
        ("0.5 a second", "0.5 a second"),
        ("on one's own photographs", "one's own"),
        ("the command that mends it", "mends"),
        ("it is passed over", "passed over"),
        ("an extra by choice", "by choice"),
        ("a file beside the model", "beside"),
        ("give another --out", "give another"),
        ("no GPU was at hand", "at hand"),
        ("it wants a folder", "wants"),
        ("the picture is read", "picture"),
        ("order(an_epoch)", "an_epoch"),
        ("sample.look", ".look"),
    ],
)
def test_a_word_that_is_given_up_is_found(words: ModuleType, line: str, word: str) -> None:
    assert found(words, line) == [word]


@pytest.mark.parametrize(
    "line",
    [
        "a value of at least 3 and at most 5",
        "the most prominent face",
        "a least squares fit",
        "there is no face; where there are no faces",
        "the loss is no longer finite, and is not a number",
        "it died for want of memory",
        "strata are shown apart, which tells them apart",
        "a second pass; the images a second detector finds",
        "images per second, per subject and per line",
        "passes over the data",
        "overlook, relook, tolde, mender",
        "return None if x is None else y",
    ],
)
def test_good_english_passes(words: ModuleType, line: str) -> None:
    assert found(words, line) == []


def test_pictures_are_images_in_code_and_may_be_pictures_in_prose(words: ModuleType) -> None:
    assert found(words, "a picture", "docs/guide/a.md") == []
    assert found(words, "a picture", "src/mien/a.py") == ["picture"]


def test_long_lines_of_prose_are_found_apart_from_tables_links_and_code(words: ModuleType) -> None:
    long = "word " * 25
    text = f"{long}\n| {long} |\n[a guide](https://example.org/{'x' * 120})\n```\n{long}\n```\n"
    assert [(one.line, one.word) for one in words.check("docs/a.md", text)] == [(1, "125 characters")]
    assert not list(words.check("src/mien/a.py", long))


def test_what_is_allowed_has_a_reason_and_is_needed(words: ModuleType) -> None:
    for one in words.ALLOWED:
        assert one.reason
        files = [path for path in words.texts(ROOT) if str(path.relative_to(ROOT)).startswith(one.path)]
        assert any(one.text in path.read_text(encoding="utf-8") for path in files), one


def test_the_command_prints_places_and_fails(tmp_path: Path) -> None:
    script = [sys.executable, "scripts/words.py"]
    done = subprocess.run([*script, "scripts/words.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    bad = tmp_path / "bad.md"
    bad.write_text("First.\nDo it anew.\n", encoding="utf-8")
    done = subprocess.run([*script, bad], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == f"{bad}:2: anew: again\n"
