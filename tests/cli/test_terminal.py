"""What verbs share of the terminal."""

import io
import json
import os
import sys
from collections.abc import Callable

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


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1258", "utf-16"])
@pytest.mark.parametrize(
    "name", ["Nguyễn", "caf\u00e9", os.fsdecode(b"caf\xe9.jpg"), "\x1b]0;x\x07\x9b", "\u202ea", "👩‍🚀"]
)
def test_json_is_valid_under_every_encoding_of_the_stream(
    encoding: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", stream)
    emit({"path": name})
    text = stream.buffer.getvalue().decode(encoding)
    assert json.loads(text) == {"path": name}
    assert not any(letter in text for letter in "\x1b\x07\x9b\u202e")


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"score": float("nan"), "range": [float("inf"), (1.5,)]})
    assert capsys.readouterr().out == '{"score": null, "range": [null, [1.5]]}\n'


def test_names_with_escape_sequences_do_not_reach_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out.print("\x1b]0;owned\x07.jpg")
    err.print("\x1b[2J.jpg")
    table = TerminalTable("file")
    table.add_row("\x1b[31m\u202e.jpg")
    show(table)
    monkeypatch.setattr(type(out), "is_terminal", True)
    show(table)
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err and "\u202e" not in captured.out
    assert captured.out.count("\\x1b[31m\\u202e.jpg") == 2


@pytest.mark.parametrize("write", [out.print, emit])
def test_a_stream_that_takes_nothing_is_named(write: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OSError, match="No space left on device: 'standard output'"):
            write("x")


def test_messages_that_nobody_can_receive_stop_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stderr", full)
        err.print("x")


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
