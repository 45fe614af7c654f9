"""Arguments and options whose values are taken without typer's validation, which loads pydantic.

Owns texts, plain numbers and what was not given: typer 0.29 sends them all through pydantic, and loading it takes
longer than all the rest of a light verb. Refuses nothing itself: typer validates every other value, and its message
names what is wrong.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperOption

if TYPE_CHECKING:
    from typer._click import Command, Context, Parameter

HELP_NAMES = ("-h", "--help")
"""Names of the option that shows a command's help."""

CONVERSIONS: Mapping[object, Callable[[str], object]] = {str: str, float: float}
"""Types of plain values, and how a word of the command line becomes one."""


def take_plain_values(command: "Command") -> None:
    """Let a command, and all commands of a group, take plain values without validation."""
    # typer makes the option --help late, out of reach, and validates that it was not given.
    helping = command.get_help_option(typer.Context(command, help_option_names=list(HELP_NAMES)))
    command.add_help_option = False
    found = [*command.params, *([] if helping is None else [helping])]
    command.params = [_plain(parameter) for parameter in found]
    for each in getattr(command, "commands", {}).values():
        take_plain_values(each)


class PlainArgument(TyperArgument):
    """A copy of an argument, which converts plain values itself."""

    def __init__(self, original: TyperArgument) -> None:
        self.__dict__.update(vars(original))

    def process_value(self, ctx: "Context", value: Any) -> Any:  # noqa: ANN401 - typer's own
        """What the command gets."""
        return _process(self, ctx, value, super().process_value)


class PlainOption(TyperOption):
    """A copy of an option, which converts plain values itself."""

    def __init__(self, original: TyperOption) -> None:
        self.__dict__.update(vars(original))

    def process_value(self, ctx: "Context", value: Any) -> Any:  # noqa: ANN401 - typer's own
        """What the command gets."""
        return _process(self, ctx, value, super().process_value)


def _plain(parameter: "Parameter") -> "Parameter":
    """A copy of a parameter that converts plain values itself."""
    # Before 0.29 typer does not describe the types, and loads no pydantic.
    if not hasattr(parameter, "type_descriptor") or isinstance(parameter, PlainArgument | PlainOption):
        return parameter
    if isinstance(parameter, TyperArgument):
        return PlainArgument(parameter)
    return PlainOption(parameter) if isinstance(parameter, TyperOption) else parameter


def _process(
    parameter: TyperArgument | TyperOption, ctx: "Context", value: object, validate: "Callable[[Context, Any], Any]"
) -> object:
    """The plain value, after the parameter's callback, or what typer makes of the value."""
    try:
        plain = _convert(parameter, value)
    except ValueError:
        return validate(ctx, value)
    return plain if parameter.callback is None else parameter.callback(ctx, parameter, plain)


def _convert(parameter: TyperArgument | TyperOption, value: object) -> object:
    """The plain value of a word, or of nothing.

    Raises:
        ValueError: it is not a plain value.
    """
    described = parameter.type_descriptor
    single = parameter.nargs == 1 and not parameter.multiple
    if single and value is None and not parameter.required:
        return None
    if single and isinstance(value, str) and described.annotation in CONVERSIONS and not described.is_ranged:
        return CONVERSIONS[described.annotation](value)
    raise ValueError("not a plain value")
