"""mien recipes: list, show and copy the recipes that come with mien."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.output_trial import output_file
from mien.cli.tables import TerminalTable
from mien.cli.terminal import OK, emit, out, show
from mien.train.recipe import shipped
from mien.train.recipe.shipped import ENDING, read_shipped

app = typer.Typer(no_args_is_help=True, help="The recipes that come with mien: list, show and copy them.")

Name = Annotated[str, typer.Argument(help="The recipe's name.", show_default=False)]


@app.command("list")
def list_recipes(json: options.Json = False) -> int:
    """List the recipes: the network that each trains, and what it is for.

    Example:

      mien recipes list
    """
    table = TerminalTable("name", "trains", "what it is")
    for recipe in shipped.list_recipes():
        if json:
            emit(
                {
                    "name": recipe.name,
                    "trains": recipe.trains,
                    "summary": recipe.summary,
                    "needs": recipe.needs,
                    "path": str(recipe.path),
                }
            )
        table.add_row(recipe.name, recipe.trains, recipe.summary)
    if not json:
        show(table)
        out.print("follow one with `mien train NAME`; `mien recipes show NAME` prints its file")
    return OK


@app.command("show")
def show_recipe(name: Name, json: options.Json = False) -> int:
    """Print a recipe's file, with its comments.

    Example:

      mien recipes show smoke
    """
    recipe = read_shipped(name)
    if json:
        emit({"name": name, "needs": recipe.needs, "recipe": recipe.content})
        return OK
    out.print(recipe.text.rstrip("\n"))
    return OK


@app.command("copy")
def copy_recipe(
    name: Name,
    target: Annotated[
        Path | None,
        typer.Option("--out", help="The file to write.", show_default="NAME.toml", callback=output_file),
    ] = None,
    overwrite: options.Overwrite = False,
) -> int:
    """Copy a recipe into a file of yours, to change it.

    Examples:

      mien recipes copy smoke

      mien recipes copy arcface-r50-deepglint --out our-r50.toml
    """
    path = target or Path(f"{name}{ENDING}")
    shipped.copy_recipe(name, path, overwrite=overwrite)
    out.print(f"{path}; change it, then `mien train {path}`")
    return OK
