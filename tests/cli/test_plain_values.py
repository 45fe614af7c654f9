"""Plain values of the command line: taken as typed, with typer's messages and help for everything else."""

from typing import Annotated

import pytest
import typer
from typer.main import get_command

from mien.cli import USAGE
from mien.cli.plain_values import HELP_NAMES, PlainArgument, PlainOption, take_plain_values

Outcome = tuple[object, ...]


def outcome(function: object, *words: str, plain: bool) -> Outcome | str:
    """What a function of one command gets from words, or what the user reads."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command("verb", context_settings={"help_option_names": list(HELP_NAMES)})(function)  # type: ignore[type-var]
    command = get_command(app)
    if plain:
        take_plain_values(command)
    try:
        return command.main(list(words), standalone_mode=False)
    except typer.Exit as end:
        return end.exit_code
    except USAGE as reason:
        return reason.format_message()


def verb(
    name: str,
    number: Annotated[float, typer.Argument()] = 0.5,
    note: Annotated[str | None, typer.Option("--note")] = None,
    count: Annotated[int | None, typer.Option("--count", min=1)] = None,
    share: Annotated[float, typer.Option("--share", min=0, max=1)] = 0.25,
    tags: Annotated[list[str] | None, typer.Option("--tag")] = None,
    loud: Annotated[bool, typer.Option("--loud")] = False,
) -> Outcome:
    """A verb with every kind of value."""
    return name, number, note, count, share, tags, loud


WORDS = (
    ["An"],
    ["An", "0.25"],
    ["An", "1e-4", "--note", "hello", "--loud"],
    ["An", " 2 "],
    ["An", "inf"],
    ["An", "--count", "3", "--share", "0.5"],
    ["An", "--tag", "a", "--tag", "b"],
    [""],
    ["Nguyễn Văn An", "--note", ""],
)
WRONG = (
    [],
    ["An", "abc"],
    ["An", "--count", "0"],
    ["An", "--count", "x"],
    ["An", "--share", "1.5"],
    ["An", "--note"],
    ["An", "--unknown"],
    ["An", "1", "2"],
)


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_values_are_those_of_typer(words: list[str]) -> None:
    found = outcome(verb, *words, plain=True)
    assert isinstance(found, tuple) and found[0] == words[0]
    assert found == outcome(verb, *words, plain=False)
    assert [type(value) for value in found] == [type(value) for value in outcome(verb, *words, plain=False)]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_messages_are_those_of_typer(words: list[str]) -> None:
    found = outcome(verb, *words, plain=True)
    assert isinstance(found, str) and found
    assert found == outcome(verb, *words, plain=False)


def test_help_is_that_of_typer(capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for plain in (True, False):
        assert outcome(verb, "--help", plain=plain) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1] and "Show this message and exit." in shown[0]


def test_a_callback_gets_the_plain_value() -> None:
    def shout(name: Annotated[str, typer.Argument(callback=lambda value: value.upper())]) -> str:
        return name

    assert outcome(shout, "an", plain=True) == "AN"


def test_an_option_that_is_not_given_calls_back_with_none() -> None:
    asked: list[object] = []

    def quiet(
        note: Annotated[str | None, typer.Option("--note", callback=lambda value: asked.append(value))] = None,
    ) -> int:
        return 1

    assert outcome(quiet, plain=True) == 1 and asked == [None]


def test_all_commands_of_a_group_take_plain_values() -> None:
    inner, outer = typer.Typer(add_completion=False), typer.Typer(add_completion=False)
    inner.command("first")(verb)
    inner.command("second")(verb)
    outer.add_typer(inner, name="inner")
    outer.command("verb")(verb)
    command = get_command(outer)
    take_plain_values(command)
    for each in (command.commands["verb"], *command.commands["inner"].commands.values()):
        assert all(isinstance(parameter, PlainArgument | PlainOption) for parameter in each.params)
        assert [parameter.name for parameter in each.params][:3] == ["name", "number", "note"]


def test_a_command_that_takes_plain_values_already_stays_as_it_is() -> None:
    app = typer.Typer(add_completion=False)
    app.command("verb")(verb)
    command = get_command(app)
    take_plain_values(command)
    before = list(command.params)
    take_plain_values(command)
    assert command.params == before
