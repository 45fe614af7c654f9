"""mien config: read and write the settings that hold for every command."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.tables import TerminalTable
from mien.cli.terminal import NO, OK, WRONG, emit, fail, out, show
from mien.errors import SettingsError
from mien.settings import (
    PROJECT_FILE,
    about,
    erase_setting,
    find_settings,
    names,
    parse,
    user_file,
    variable,
    write_setting,
)

app = typer.Typer(no_args_is_help=True, help="Read and write settings: default models, engine, language.")

Name = Annotated[str, typer.Argument(help=f"The setting: {', '.join(names())}.", show_default=False)]
Project = Annotated[bool, typer.Option("--project", help=f"Change ./{PROJECT_FILE} instead of your own file.")]


@app.command("get")
def get_setting(name: Name) -> int:
    """Print the value of one setting.

    Example:

      mien config get recognizer
    """
    _require_name(name)
    out.print(str(find_settings()[name].value))
    return OK


@app.command("set")
def set_setting(
    name: Name,
    value: Annotated[str, typer.Argument(help="Its value.", show_default=False)],
    project: Project = False,
) -> int:
    """Choose the value of one setting, for you or for a project.

    Examples:

      mien config set recognizer arcface-r50

      mien config set engine onnxruntime --project
    """
    try:
        checked = parse(name, value, "config set")
    except SettingsError as reason:
        fail(str(reason), WRONG)
    path = _file(project)
    write_setting(path, name, checked)
    out.print(f"{name} = {checked} in {path}")
    return OK


@app.command("unset")
def unset_setting(name: Name, project: Project = False) -> int:
    """Remove one setting from your file or a project's. Exits with 1 if it was not set there.

    Example:

      mien config unset engine
    """
    _require_name(name)
    path = _file(project)
    if not erase_setting(path, name):
        out.print(f"{name} is not set in {path}")
        return NO
    out.print(f"removed {name} from {path}")
    return OK


@app.command("list")
def list_settings(json: options.Json = False) -> int:
    """List all settings with their values and where the values come from.

    Example:

      mien config list
    """
    table = TerminalTable("setting", "value", "from", "variable", "meaning")
    for name, found in find_settings().items():
        if json:
            emit({"setting": name, "value": found.value, "origin": found.origin, "variable": variable(name)})
        table.add_row(name, str(found.value), found.origin, variable(name), about(name))
    if not json:
        show(table)
    return OK


def _require_name(name: str) -> None:
    try:
        about(name)
    except SettingsError as reason:
        fail(str(reason), WRONG)


def _file(project: bool) -> Path:
    return Path(PROJECT_FILE) if project else user_file()
