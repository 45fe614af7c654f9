"""mien data prepare: from a manifest to a pack of aligned crops."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.data.arguments import ManifestPath
from mien.cli.left_out import LeftOut
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, PARTLY, emit, err, plural, show
from mien.data.landmark_check import WARNED
from mien.data.manifest_io import read_manifest
from mien.data.prepare import DEFAULT_SETTINGS, PackSettings, prepare
from mien.models.engines import usable_cores


def prepare_pack(
    path: ManifestPath,
    target: Annotated[
        Path, typer.Option("--out", help="The folder of the pack.", show_default=False, callback=output_folder)
    ],
    detector: options.Detector = None,
    size: Annotated[int, typer.Option("--size", help="Width and height of the crops in pixels.")] = 112,
    template: Annotated[str, typer.Option("--template", help="The pose: arcface or dlib.")] = "arcface",
    quality: Annotated[int, typer.Option("--quality", min=1, max=100, help="JPEG quality of the crops.")] = 95,
    multiple_faces: options.MultipleFaces = None,
    several: options.Several = None,
    workers: options.Workers = None,
    ray: options.Ray = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    json: options.Json = False,
) -> int:
    """Make a pack of aligned crops from a manifest: detect unless boxes or landmarks are given, align, write.

    It can be interrupted and run again; the pack is the same whatever the number of workers.

    Example:

      mien data prepare celeba.parquet --out celeba-112
    """
    settings = PackSettings(
        detector=options.detector(detector),
        size=size,
        template=template,
        quality=quality,
        multiple_faces=options.multiple_faces(multiple_faces, several, DEFAULT_SETTINGS.multiple_faces),
    )
    left_out = LeftOut()
    manifest = read_manifest(path, left_out)
    with progress_bar() as on_progress:
        done = prepare(
            manifest,
            target,
            settings,
            options=options.engine_options(engine, precision),
            workers=workers or usable_cores(),
            ray_address=ray,
            on_progress=on_progress,
        )
    left_out.report()
    if json:
        emit(
            {
                "pack": str(target),
                "rows": done.rows,
                "counts": done.counts,
                **left_out.as_json(),
            }
        )
    else:
        table = TerminalTable("status", "rows")
        for status, count in sorted(done.counts.items(), key=lambda item: -item[1]):
            table.add_row(status, f"{count:,}")
        table.add_row("all", f"{done.rows:,}")
        show(table)
    for status in (one for one in ("wrong landmarks", "wrong box") if one in done.examples):
        err.print(f"mien: {status}, the first of {done.counts[status]:,}: {done.examples[status]}")
    if done.agreement.share < WARNED:
        err.print(f"mien: {done.agreement.sentence}")
    if done.rejected:
        err.print(
            f"mien: {target / 'rejected.csv'} lists {plural(done.rejected, 'row')} without a crop, with reasons"
        )
    return FAILED if done.rejected == done.rows else PARTLY if done.rejected or left_out else 0
