"""mien data: inspect, import, prepare, check, compare, split, export and teach data sets. One verb per file."""

import typer

from mien.cli.data.check import check
from mien.cli.data.clean import clean
from mien.cli.data.export import export
from mien.cli.data.import_set import import_
from mien.cli.data.inspect import inspect
from mien.cli.data.overlap import overlap
from mien.cli.data.prepare import prepare_pack
from mien.cli.data.split import split
from mien.cli.data.teach import teach

app = typer.Typer(no_args_is_help=True, help="Data sets: inspect them, import them into manifests, prepare packs.")
app.command("inspect")(inspect)
app.command("import")(import_)
app.command("prepare")(prepare_pack)
app.command("check")(check)
app.command("clean")(clean)
app.command("overlap")(overlap)
app.command("split")(split)
app.command("export")(export)
app.command("teach")(teach)
