"""mien cluster: faces without names in groups. Parses, calls and prints."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, NO, OK, PARTLY, emit, err, out, plural, show
from mien.cluster.album import Album
from mien.cluster.clustering import cluster_faces
from mien.cluster.files import PAGE, as_json, summary
from mien.cluster.people_folder import PEOPLE

MAX_SHOWN = 20
"""Groups and failed images that are named in the terminal; all of them are in the files."""


def cluster(
    folder: Annotated[Path, typer.Argument(help="A folder of photographs.", show_default=False)],
    target: Annotated[
        Path,
        typer.Option("--out", help="Folder of the groups.", show_default=False, callback=output_folder),
    ],
    fmr: options.VerificationFmr = None,
    min_faces: Annotated[int, typer.Option("--min-faces", min=1, help="Groups of fewer faces are not written.")] = 2,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    scope: options.Scope = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the faces (with embeddings), so that another --fmr takes seconds."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Group again, in place of groups that were written.")
    ] = False,
    language: options.Language = None,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Put the faces of a folder of photographs into groups of one person each.

    All faces of each image count. Writes report.html with the faces of each group, faces.csv, report.json, and
    people/person-001, people/person-002 ...: give these folders names, and `mien enrol` takes them. Run it again to
    continue where it stopped.

    Exits with 0 if there are groups, 1 if there are none, 4 if some images could not be read, and 3 if none could.

    Examples:

      mien cluster album/ --out groups/

      mien cluster album/ --out groups/ --min-faces 3 --language vi

      mien enrol family.gallery groups/people
    """
    spoken = options.language(language)
    with progress_bar() as on_progress:
        album = cluster_faces(
            folder,
            target,
            fmr=fmr,
            min_faces=min_faces,
            detector=options.detector(detector),
            recognizer=options.recognizer(recognizer),
            scope=options.scope(scope),
            keep=keep,
            overwrite=overwrite,
            language=spoken,
            options=options.engine_options(engine, precision),
            on_progress=on_progress,
        )
    if json:
        for place in range(len(album.grouping.groups)):
            emit(as_json(album, place))
        emit({key: value for key, value in summary(album).items() if key != "groups"})
    else:
        _show(album)
    _report(album)
    if album.failed:
        return FAILED if len(album.failed) == album.images else PARTLY
    return OK if album.grouping.groups else NO


def _show(album: Album) -> None:
    table = TerminalTable("group", "faces", "certainty", "perhaps the same as")
    groups = album.grouping.groups
    for group in groups[:MAX_SHOWN]:
        other = "" if group.perhaps is None else groups[group.perhaps].name
        table.add_row(group.name, str(len(group.faces)), f"{group.certainty:.1%}", other)
    show(table)
    if len(groups) > MAX_SHOWN:
        out.print(f"and {len(groups) - MAX_SHOWN} more groups")
    out.print(str(album.out / PAGE))
    out.print(str(album.out / PEOPLE))


def _report(album: Album) -> None:
    for why in list(album.failed.values())[:MAX_SHOWN]:
        err.print(f"mien: {why}")
    if len(album.failed) > MAX_SHOWN:
        err.print(f"mien: and {len(album.failed) - MAX_SHOWN} more images, in report.json")
    counts, strict, unit = album.counts, album.grouping.strictness, album.threshold.unit
    err.print(
        f"{plural(album.images, 'image')}, {plural(len(album.faces), 'face')}: {counts['faces in groups']} in "
        f"{plural(counts['groups'], 'group')}, {counts['unassigned faces']} of no group"
    )
    err.print(
        f"groups are founded at {unit} {strict.found:.3f} (false match rate {strict.found_fmr:.2g} per pair) and "
        f"joined at {strict.join:.3f} ({strict.join_fmr:.2g})"
    )
