"""mien data: inspect, import, prepare, check, overlap, split, export."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.overlap import overlap
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, PARTLY, WRONG, emit, err, fail, out, plural, show
from mien.data.export import export_folders, export_recordio
from mien.data.importing import import_set
from mien.data.inspection import Inspection, inspect_set
from mien.data.manifest_io import SUFFIXES, read_manifest
from mien.data.pack import Pack
from mien.data.pack_check import check_pack
from mien.data.prepare import DEFAULT_SETTINGS, PackSettings, prepare
from mien.data.sample import Problem
from mien.data.sources.registry import SOURCES
from mien.data.split import split_set
from mien.models.engines import usable_cores

LISTED = 10
"""Problems that are shown in a table."""
COLUMNS = 12
"""Further columns that are described in a table."""

app = typer.Typer(no_args_is_help=True, help="Data sets: inspect them, import them into manifests, prepare packs.")
app.command("overlap")(overlap)

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


@app.command("inspect")
def inspect(path: Set, source: As = None, json: options.Json = False) -> int:
    """Describe a data set: counts, what is known of the samples, problems. Opens no image.

    Examples:

      mien data inspect lfw/

      mien data inspect faces_emore/ --as recordio
    """
    with progress_bar() as on_progress:
        seen = inspect_set(path, source=source, on_progress=on_progress)
    if json:
        emit({"path": str(path), **_as_json(seen)})
    else:
        _show_inspection(path, seen)
    return 0 if seen.rows else FAILED


def _as_json(seen: Inspection) -> dict[str, object]:
    return {
        "source": seen.source,
        "rows": seen.rows,
        "images": seen.images,
        "subjects": seen.subjects,
        "images_each": seen.rows_per_subject,
        "single": seen.single,
        "with_box": seen.with_box,
        "with_landmarks": seen.with_landmarks,
        "columns": {name: {"rows": rows, "most": most} for name, (rows, most) in seen.columns.items()},
        "problems": seen.problems,
        "shown": _problems_as_json(seen.shown),
    }


def _problems_as_json(problems: tuple[Problem, ...]) -> list[dict[str, str]]:
    return [{"where": problem.where, "reason": problem.reason} for problem in problems]


def _show_inspection(path: Path, seen: Inspection) -> None:
    table = TerminalTable(str(path), f"{seen.summary} (--as {seen.source})")
    table.add_row("images", f"{seen.images:,}")
    if seen.rows != seen.images:
        table.add_row("rows", f"{seen.rows:,}")
    if seen.rows_per_subject is not None:
        low, median, high = seen.rows_per_subject
        table.add_row("subjects", f"{seen.subjects:,}, {seen.single:,} of them with one image")
        table.add_row("images per subject", f"{low} to {high}, median {median:g}")
    table.add_row("with a box, with landmarks", f"{seen.with_box:,}, {seen.with_landmarks:,}")
    for name, (rows, frequent) in list(seen.columns.items())[:COLUMNS]:
        values = ", ".join(f"{value} {count:,}" for value, count in frequent.items())
        table.add_row(name, f"{rows:,} rows: {values}")
    if len(seen.columns) > COLUMNS:
        table.add_row("further columns", ", ".join(list(seen.columns)[COLUMNS:]))
    table.add_row("problems", f"{seen.problems:,}")
    show(table)
    _show_problems(seen.shown[:LISTED], seen.problems)


def _show_problems(shown: tuple[Problem, ...], count: int) -> None:
    if count:
        table = TerminalTable("problem at", "what")
        for problem in shown:
            table.add_row(problem.where, problem.reason)
        show(table)
    if count > len(shown):
        out.print(f"and {count - len(shown):,} more")


@app.command("import")
def import_(
    path: Set,
    target: Annotated[
        Path, typer.Option("--out", help="The manifest to write, .parquet or .csv.", show_default=False)
    ],
    source: As = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="For tables: path=NAME, subject=NAME ...", show_default=False)
    ] = None,
    json: options.Json = False,
) -> int:
    """Read a data set into a manifest. Rows that cannot be used are listed and left out.

    Examples:

      mien data import lfw/ --as lfw --out lfw.parquet

      mien data import people.csv --as table --column path=file --column subject=name --out people.parquet
    """
    if target.suffix.lower() not in SUFFIXES:
        fail(f"{target}: a manifest's name ends in {' or '.join(SUFFIXES)}", WRONG)
    columns = options.named(column, "--column", "NAME=COLUMN")
    with progress_bar() as on_progress:
        done = import_set(path, target, source=source, columns=columns, on_progress=on_progress)
    if json:
        emit(
            {
                "manifest": str(target),
                "rows": done.rows,
                "subjects": done.subjects,
                "problems": done.problems,
                "shown": _problems_as_json(done.shown),
            }
        )
    else:
        _show_problems(done.shown[:LISTED], done.problems)
        counts = (plural(done.rows, "row"), plural(done.subjects, "subject"), plural(done.problems, "problem"))
        out.print(f"{target}: {', '.join(counts)}")
        for file in done.files:
            out.print(f"{file} belongs to it")
    return PARTLY if done.problems else 0


@app.command("prepare")
def prepare_pack(
    path: ManifestPath,
    target: Annotated[Path, typer.Option("--out", help="The folder of the pack.", show_default=False)],
    detector: options.Detector = None,
    size: Annotated[int, typer.Option("--size", help="Width and height of the crops in pixels.")] = 112,
    template: Annotated[str, typer.Option("--template", help="The pose: arcface or dlib.")] = "arcface",
    quality: Annotated[int, typer.Option("--quality", min=1, max=100, help="JPEG quality of the crops.")] = 95,
    multiple_faces: options.MultipleFaces = None,
    several: options.Several = None,
    workers: options.Workers = None,
    ray: Annotated[
        str | None, typer.Option("--ray", help="Use a Ray cluster: auto, local or HOST:PORT.", show_default=False)
    ] = None,
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
    with progress_bar() as on_progress:
        done = prepare(
            read_manifest(path),
            target,
            settings,
            options=options.engine_options(engine, precision),
            workers=workers or usable_cores(),
            ray_address=ray,
            on_progress=on_progress,
        )
    if json:
        emit({"pack": str(target), "rows": done.rows, "counts": done.counts})
    else:
        table = TerminalTable("status", "rows")
        for status, count in sorted(done.counts.items(), key=lambda item: -item[1]):
            table.add_row(status, f"{count:,}")
        table.add_row("all", f"{done.rows:,}")
        show(table)
    if done.rejected:
        err.print(
            f"mien: {target / 'rejected.csv'} lists {plural(done.rejected, 'row')} without a crop, with reasons"
        )
    return FAILED if done.rejected == done.rows else PARTLY if done.rejected else 0


@app.command("check")
def check(path: PackPath, json: options.Json = False) -> int:
    """Compare every shard of a pack with its sha256 and every crop with its checksum, and decode the crops.

    Example:

      mien data check celeba-112
    """
    pack = Pack(path)
    with progress_bar() as on_progress:
        problems = check_pack(pack, on_progress=on_progress)
    for problem in problems:
        if json:
            emit({"where": problem.where, "reason": problem.reason})
        else:
            err.print(f"mien: {problem.where}: {problem.reason}")
    if json:
        emit({"pack": str(path), "crops": len(pack), "subjects": len(pack.subjects), "problems": len(problems)})
    else:
        out.print(
            f"{path}: {len(pack):,} crops of {len(pack.subjects):,} subjects, {plural(len(problems), 'problem')}"
        )
    return FAILED if problems else 0


@app.command("split")
def split(
    path: ManifestPath,
    target: Annotated[Path, typer.Option("--out", help="A folder for NAME.parquet of each part.")],
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part", help="NAME=SHARE; repeat it for each part (default: train=0.8, test=0.2).", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Random seed; the same seed always gives the same split.")] = 0,
    json: options.Json = False,
) -> int:
    """Split a manifest by subject, so that nobody is in two parts.

    Example:

      mien data split celeba.parquet --out parts/ --part train=0.8 --part test=0.2
    """
    shares: dict[str, float] = {}
    for name, value in options.named(part or ["train=0.8", "test=0.2"], "--part", "NAME=SHARE").items():
        try:
            shares[name] = float(value)
        except ValueError:
            fail(f"--part takes NAME=SHARE, such as train=0.8, not {name}={value}", WRONG)
    for name, manifest in split_set(read_manifest(path), shares, target, seed=seed).items():
        subjects = len(set(manifest.subjects))
        if json:
            emit({"part": name, "rows": len(manifest), "subjects": subjects})
        else:
            out.print(f"{target / name}.parquet: {plural(len(manifest), 'row')}, {plural(subjects, 'subject')}")
    return 0


@app.command("export")
def export(
    path: PackPath,
    rec: Annotated[Path | None, typer.Option("--rec", help="A folder for train.rec, train.idx, property.")] = None,
    folder: Annotated[Path | None, typer.Option("--folder", help="A folder for SUBJECT/NUMBER.jpg.")] = None,
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
