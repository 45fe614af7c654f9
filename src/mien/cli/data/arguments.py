"""Arguments that several verbs of mien data share."""

from pathlib import Path
from typing import Annotated

import typer

from mien.data.sources.registry import SOURCES

As = Annotated[
    str | None,
    typer.Option(
        "--as",
        help=f"What it is: {', '.join(SOURCES)} (default: the first that recognizes it).",
        show_default=False,
    ),
]
Set = Annotated[Path, typer.Argument(metavar="SET", help="A data set: a folder or a file.", show_default=False)]
ManifestPath = Annotated[
    Path,
    typer.Argument(
        metavar="MANIFEST", help="A manifest (.csv, .parquet), or FOLDER/subject/*.jpg.", show_default=False
    ),
]
PackPath = Annotated[Path, typer.Argument(metavar="PACK", help="The folder of a pack.", show_default=False)]
