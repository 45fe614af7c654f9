"""mien data export: a pack in formats of the field."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.data.arguments import PackPath
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.terminal import WRONG, emit, fail, out
from mien.data.export import export_folders, export_recordio
from mien.data.pack import Pack


def export(
    path: PackPath,
    rec: Annotated[
        Path | None,
        typer.Option("--rec", help="A folder for train.rec, train.idx, property.", callback=output_folder),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="A folder for SUBJECT/NUMBER.jpg.", callback=output_folder)
    ] = None,
    json: options.Json = False,
) -> int:
    """Write a pack in other formats.

    Example:

      mien data export celeba-112 --rec celeba-rec/
    """
    pack = Pack(path)
    target = rec or folder
    if target is None or (rec is not None and folder is not None):
        fail("choose either --rec DIR or --folder DIR", WRONG)
    write = export_folders if rec is None else export_recordio
    with progress_bar() as on_progress:
        write(pack, target, on_progress=on_progress)
    if json:
        emit({"crops": len(pack), "subjects": len(pack.subjects), "out": str(target)})
    else:
        out.print(f"{target}: {len(pack):,} crops of {len(pack.subjects):,} subjects")
    return 0
