"""Arguments that verbs of mien data share: named alike in every help, and refused alike."""

from pathlib import Path

import pytest

from mien.cli import run
from mien.cli.data import arguments
from mien.data.sources.registry import SOURCES


def test_the_help_names_every_source() -> None:
    """The list follows the table, so that a new source is in it."""
    (option,) = arguments.As.__metadata__
    assert all(name in option.help for name in SOURCES)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["data", "inspect", "--help"], "SET"),
        (["data", "import", "--help"], "SET"),
        (["data", "split", "--help"], "MANIFEST"),
        (["data", "prepare", "--help"], "MANIFEST"),
        (["data", "check", "--help"], "PACK"),
        (["data", "export", "--help"], "PACK"),
    ],
)
def test_every_verb_calls_its_argument_the_same(
    words: list[str], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 0
    assert shown in capsys.readouterr().out.split()


def test_a_set_that_is_not_there_and_an_unknown_source_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "inspect", str(tmp_path / "none")]) == 3
    assert str(tmp_path / "none") in capsys.readouterr().err
    assert run(["data", "inspect", str(tmp_path), "--as", "nonsense"]) == 3
    assert "nonsense" in capsys.readouterr().err
