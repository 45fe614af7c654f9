"""What verbs share of the terminal."""

import pytest
import typer

from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, WRONG, emit, err, fail, out, plural, show


def test_results_go_to_standard_output_and_the_rest_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    out.print("a [bold]result[/bold]")
    err.print("a message")
    captured = capsys.readouterr()
    assert captured.out == "a [bold]result[/bold]\n" and captured.err == "a message\n"
    assert not out.is_terminal and not err.is_terminal


def test_json_is_one_line_with_its_letters_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"subject": "Nguyễn"})
    assert capsys.readouterr().out == '{"subject": "Nguyễn"}\n'


def test_a_failure_is_one_sentence_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        fail("that is wrong", WRONG)
    assert caught.value.exit_code == WRONG == 2 and capsys.readouterr().err == "mien: that is wrong\n"
    with pytest.raises(typer.Exit) as caught:
        fail("that cannot be done")
    assert caught.value.exit_code == FAILED == 3


def test_an_empty_table_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    table = TerminalTable("a", "b")
    show(table)
    assert capsys.readouterr().out == ""
    table.add_row("1", "2")
    show(table)
    assert capsys.readouterr().out == "a  b\n1  2\n"


def test_a_terminal_gets_a_drawn_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(type(out), "is_terminal", True)
    table = TerminalTable("a", "b")
    table.add_row("1", "2")
    show(table)
    assert "┃ a ┃ b ┃" in capsys.readouterr().out


def test_one_thing_is_singular() -> None:
    assert [plural(count, "face") for count in (0, 1, 2)] == ["0 faces", "1 face", "2 faces"]
