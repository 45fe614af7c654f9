"""mien data: inspect, import, prepare, check, overlap, split, export."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from mien.cli import options
from mien.cli.overlap import overlap
from mien.cli.terminal import FAILED, PARTLY, WRONG, counting, emit, err, fail, out, plural, show, track
from mien.data import export as exporting
from mien.data.inspection import SHOWN, Inspection, inspect, read_source
from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest, write_manifest
from mien.data.pack import Pack
from mien.data.prepare import Progress, Settings, prepare
from mien.data.sample import Problem, Sample
from mien.data.sources.known import SOURCES, find_source
from mien.data.split import split as deal
from mien.detect.families import built_in
from mien.models import store
from mien.models.engines import usable_cores

app = typer.Typer(no_args_is_help=True, help="Data sets: what they are, into manifests, into packs.")
app.command("overlap")(overlap)

As = Annotated[
    str | None,
    typer.Option("--as", help=f"What it is: {', '.join(SOURCES)}; else it is found out.", show_default=False),
]
Set = Annotated[Path, typer.Argument(metavar="SET", help="A data set: a folder or a file.", show_default=False)]
ManifestPath = Annotated[
    Path,
    typer.Argument(
        metavar="MANIFEST", help="A manifest (.csv, .parquet), or FOLDER/subject/*.jpg.", show_default=False
    ),
]
PackPath = Annotated[Path, typer.Argument(metavar="PACK", help="The folder of a pack.", show_default=False)]
Workers = Annotated[int | None, typer.Option("--workers", help="Processes; one a core.", show_default=False)]


@app.command("inspect")
def inspect_set(path: Set, source: As = None, json: options.Json = False) -> int:
    """Say what a data set is: counts, what is known of the samples, problems. Opens no image.

    Examples:

      mien data inspect lfw/

      mien data inspect faces_emore/ --as recordio
    """
    name, found = find_source(path, source)
    seen = inspect(track(found.read(path), None, "reading"))
    if json:
        emit({"path": str(path), "source": name, **_as_json(seen)})
    else:
        _show_inspection(path, f"{found.summary} (--as {name})", seen)
    return 0 if seen.rows else FAILED


def _as_json(seen: Inspection) -> dict[str, object]:
    return {
        "rows": seen.rows,
        "images": seen.images,
        "subjects": seen.subjects,
        "images_each": seen.images_each,
        "single": seen.single,
        "with_box": seen.with_box,
        "with_landmarks": seen.with_landmarks,
        "columns": {name: {"rows": rows, "most": most} for name, (rows, most) in seen.columns.items()},
        "problems": seen.problems,
        "shown": [{"where": problem.where, "reason": problem.reason} for problem in seen.shown],
    }


def _show_inspection(path: Path, what: str, seen: Inspection) -> None:
    table = Table(str(path), what)
    table.add_row("images", f"{seen.images:,}")
    if seen.rows != seen.images:
        table.add_row("rows", f"{seen.rows:,}")
    if seen.images_each is not None:
        least, median, most = seen.images_each
        table.add_row("subjects", f"{seen.subjects:,}, {seen.single:,} of them with one image")
        table.add_row("images a subject", f"{least} to {most}, median {median:g}")
    table.add_row("with a box, with landmarks", f"{seen.with_box:,}, {seen.with_landmarks:,}")
    for name, (rows, most_frequent) in list(seen.columns.items())[:12]:
        values = ", ".join(f"{value} {count:,}" for value, count in most_frequent.items())
        table.add_row(name, f"{rows:,} rows: {values}")
    if len(seen.columns) > 12:
        table.add_row("further columns", ", ".join(list(seen.columns)[12:]))
    table.add_row("problems", f"{seen.problems:,}")
    show(table)
    _show_problems(seen.shown[:10], seen.problems)


def _show_problems(shown: tuple[Problem, ...], count: int) -> None:
    if count:
        table = Table("problem at", "what")
        for problem in shown:
            table.add_row(problem.where, problem.reason)
        show(table)
    if count > len(shown):
        out.print(f"and {count - len(shown):,} more")


@app.command("import")
def import_set(
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
    if target.suffix not in (".csv", ".parquet"):
        fail(f"{target}: a manifest's name ends in .csv or .parquet", WRONG)
    name, found = find_source(path, source)
    problems: list[Problem] = []
    count = 0

    def samples() -> Iterator[Sample]:
        nonlocal count
        for row in track(read_source(path, name, found, target, _named(column)), None, "reading"):
            if isinstance(row, Sample):
                yield row
                continue
            count += 1
            if len(problems) < SHOWN:
                problems.append(row)

    manifest = tabulate(samples(), target.parent, str(path))
    if not len(manifest):
        _show_problems(tuple(problems[:10]), count)
        fail(f"{path} gave no sample (--as {name}); nothing was written")
    write_manifest(manifest, target)
    subjects = len(set(manifest.subjects) - {""})
    if json:
        shown = [{"where": problem.where, "reason": problem.reason} for problem in problems]
        emit(
            {"manifest": str(target), "rows": len(manifest), "subjects": subjects, "problems": count, "shown": shown}
        )
    else:
        _show_problems(tuple(problems[:10]), count)
        out.print(
            f"{target}: {plural(len(manifest), 'row')}, {plural(subjects, 'subject')}, {plural(count, 'problem')}"
        )
    return PARTLY if count else 0


def _named(column: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in column or ()]
    for name, equals, value in pairs:
        if not (name and equals and value):
            fail(f"--column takes NAME=COLUMN, not {name}{equals}{value}", WRONG)
    return {name: value for name, _, value in pairs}


@app.command("prepare")
def prepare_set(
    path: ManifestPath,
    target: Annotated[Path, typer.Option("--out", help="The folder of the pack.", show_default=False)],
    detector: options.Detector = None,
    size: Annotated[int, typer.Option("--size", help="Width and height of the crops in pixels.")] = 112,
    template: Annotated[str, typer.Option("--template", help="The pose: arcface or dlib.")] = "arcface",
    quality: Annotated[int, typer.Option("--quality", min=1, max=100, help="JPEG quality of the crops.")] = 95,
    multiple_faces: options.MultipleFaces = None,
    several: options.Several = None,
    workers: Workers = None,
    ray: Annotated[
        str | None, typer.Option("--ray", help="Work on a Ray cluster: auto, local or HOST:PORT.", show_default=False)
    ] = None,
    json: options.Json = False,
) -> int:
    """Make a pack of aligned crops from a manifest: detect unless boxes or landmarks are given, align, write.

    It can be interrupted and run again; the pack is the same whatever the number of workers.

    Example:

      mien data prepare celeba.parquet --out celeba-112
    """
    faces = options.multiple_faces(multiple_faces, several, "reject")
    manifest = read_manifest(path)
    detector = options.detector(detector)
    if detector not in built_in():
        # A detector that is not there is found out here, not in a worker.
        store.load(detector)
    settings = Settings(
        detector=detector,
        size=size,
        template=template,
        quality=quality,
        multiple_faces=faces,
    )
    last = Progress(0, len(manifest), {})
    with counting(len(manifest), "preparing") as tell:
        for last in prepare(manifest, target, settings, workers=workers or usable_cores(), ray_address=ray):
            tell(last.done)
    if json:
        emit({"pack": str(target), "rows": last.total, "counts": last.counts})
    else:
        table = Table("status", "rows")
        for status, count in sorted(last.counts.items(), key=lambda item: -item[1]):
            table.add_row(status, f"{count:,}")
        table.add_row("all", f"{last.total:,}")
        show(table)
    lost = last.total - last.counts.get("written", 0)
    if lost:
        err.print(
            f"mien: {plural(lost, 'row')} without a crop are in {target / 'rejected.csv'}, each with its reason"
        )
    return FAILED if lost == last.total else PARTLY if lost else 0


@app.command("check")
def check_pack(path: PackPath, json: options.Json = False) -> int:
    """Compare every shard of a pack with its sha256 and every crop with its checksum, and decode it.

    Example:

      mien data check celeba-112
    """
    pack = Pack(path)
    problems = list(track(pack.check(), None, "checking"))
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
def split_set(
    path: ManifestPath,
    target: Annotated[Path, typer.Option("--out", help="A folder for NAME.parquet of each part.")],
    part: Annotated[
        list[str] | None, typer.Option("--part", help="NAME=SHARE, several times.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another one gives another split.")] = 0,
    json: options.Json = False,
) -> int:
    """Split a manifest by subject, so that nobody is in two parts.

    Example:

      mien data split celeba.parquet --out parts/ --part train=0.8 --part test=0.2
    """
    shares: dict[str, float] = {}
    for text in part or ["train=0.8", "test=0.2"]:
        name, _, value = text.partition("=")
        try:
            shares[name] = float(value)
        except ValueError:
            fail(f"--part takes NAME=SHARE, such as train=0.8, not {text}", WRONG)
    parts = deal(read_manifest(path), shares, seed)
    for name, manifest in parts.items():
        write_manifest(manifest, target / f"{name}.parquet")
        subjects = len(set(manifest.subjects))
        if json:
            emit({"part": name, "rows": len(manifest), "subjects": subjects})
        else:
            out.print(f"{target / name}.parquet: {plural(len(manifest), 'row')}, {plural(subjects, 'subject')}")
    return 0


@app.command("export")
def export_pack(
    path: PackPath,
    rec: Annotated[Path | None, typer.Option("--rec", help="A folder for train.rec, train.idx, property.")] = None,
    folder: Annotated[Path | None, typer.Option("--folder", help="A folder for SUBJECT/NUMBER.jpg.")] = None,
    json: options.Json = False,
) -> int:
    """Write a pack in other people's formats.

    Example:

      mien data export celeba-112 --rec celeba-rec/
    """
    pack = Pack(path)
    if (rec is None) == (folder is None):
        fail("give --rec DIR or --folder DIR", WRONG)
    if rec is not None:
        done = exporting.export_rec(pack, rec)
    else:
        assert folder is not None
        done = exporting.export_folder(pack, folder)
    count = sum(1 for _ in track(done, len(pack), "writing"))
    if json:
        emit({"crops": count, "subjects": len(pack.subjects), "out": str(rec or folder)})
    else:
        out.print(f"{rec or folder}: {count:,} crops of {len(pack.subjects):,} subjects")
    return 0
