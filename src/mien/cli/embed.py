"""mien embed: the embeddings of a set, written once."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.guarding import guarded
from mien.cli.left_out import LeftOut
from mien.cli.output_trial import output_file
from mien.cli.progress import progress_bar
from mien.cli.terminal import PARTLY, emit, err, out, plural
from mien.evaluate.embed import embed_set, embedded_set, is_cached
from mien.evaluate.scorefile import Embedded

MAX_FAILURES = 10
"""Samples without an embedding that are named."""


def embed(
    source: Annotated[
        Path, typer.Argument(metavar="SET", help="A pack, a manifest, or FOLDER/subject/*.jpg.", show_default=False)
    ],
    target: Annotated[
        Path, typer.Option("--out", help="The embedding file, .parquet.", show_default=False, callback=output_file)
    ],
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    multiple_faces: options.MultipleFaces = None,
    several: options.Several = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Processes that decode and find faces while this one embeds (default: one per core next to a GPU; "
            "threads elsewhere).",
            show_default=False,
        ),
    ] = None,
    ray: options.Ray = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Embed a data set once; every `mien evaluate` reads the file. It can be interrupted and run again.

    Example:

      mien embed lfw.parquet --out lfw-dlib.parquet
    """
    faces = options.multiple_faces(multiple_faces, several, "largest")
    left_out = LeftOut()
    with guarded([target], [source], overwrite=overwrite), progress_bar() as on_progress:
        embedded = embed_set(
            source,
            target,
            detector=options.detector(detector),
            recognizer=options.recognizer(recognizer),
            engine=options.engine_options(engine, precision),
            multiple_faces=faces,
            workers=workers,
            ray_address=ray,
            on_problem=left_out,
            on_progress=on_progress,
        )
    if json:
        emit(
            {
                "out": str(target),
                "embedded": len(embedded),
                "failed": dict(embedded.failed),
                **left_out.as_json(),
            }
        )
    else:
        out.print(f"{target}: {plural(len(embedded), 'embedding')} of {embedded.origin.model}")
    report_failures(embedded)
    left_out.report()
    return PARTLY if embedded.failures or left_out else 0


def embeddings(
    source: Path,
    cache: Path,
    detector: str | None,
    recognizer: str | None,
    engine: str | None = None,
    precision: str | None = None,
) -> Embedded:
    """A set's embeddings with a progress bar; says where the cache is used."""
    if is_cached(cache, source, options.detector(detector), options.recognizer(recognizer)):
        err.print(f"mien: reading the embeddings in {cache}")
    left_out = LeftOut()
    with progress_bar() as on_progress:
        embedded = embedded_set(
            source,
            cache,
            detector=options.detector(detector),
            recognizer=recognizer,
            engine=options.engine_options(engine, precision),
            on_problem=left_out,
            on_progress=on_progress,
        )
    left_out.report()
    return embedded


def report_failures(embedded: Embedded) -> None:
    """Name the first samples that have no embedding, and say how many there are."""
    for name, status, detail in embedded.failures[:MAX_FAILURES]:
        err.print(f"mien: {name}: {status}{': ' + detail if detail else ''}")
    if embedded.failures:
        err.print(
            f"mien: {plural(len(embedded.failures), 'sample')} without an embedding; every protocol counts them"
        )
