"""mien embed and mien convert-threshold: embeddings written once, and units that are never mixed."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.terminal import FAILED, PARTLY, WRONG, counting, emit, err, fail, out, plural
from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest
from mien.data.pack import Pack, is_pack
from mien.data.sample import Sample
from mien.data.sources.verification_bin import extract
from mien.errors import ContractError
from mien.evaluate.embed import embed_manifest, embed_pack
from mien.evaluate.scorefile import Embedded, is_embedding_file, read_embedded, read_origin
from mien.models import store
from mien.scores import convert
from mien.types import Unit


def embed(
    source: Annotated[
        Path, typer.Argument(metavar="SET", help="A pack, a manifest, or FOLDER/subject/*.jpg.", show_default=False)
    ],
    target: Annotated[Path, typer.Option("--out", help="The embedding file, .parquet.", show_default=False)],
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    several: Annotated[
        str, typer.Option("--several", help="take or reject images in which two faces are about as prominent.")
    ] = "take",
    json: options.Json = False,
) -> int:
    """Embed a data set once; every `mien evaluate` reads the file. It can be interrupted and run again.

    Example:

      mien embed lfw.parquet --out lfw-dlib.parquet
    """
    if several not in ("take", "reject"):
        fail(f"--several is take or reject, not {several}", WRONG)
    write_embeddings(source, target, options.detector(detector), options.recognizer(recognizer), several)
    embedded = read_embedded(target)
    lost = sum(embedded.failed.values())
    if json:
        emit({"out": str(target), "embedded": len(embedded), "failed": dict(embedded.failed)})
    else:
        out.print(f"{target}: {plural(len(embedded), 'embedding')} of {embedded.origin.model}")
    for name, status, detail in embedded.failures[:10]:
        err.print(f"mien: {name}: {status}{': ' + detail if detail else ''}")
    if lost:
        err.print(f"mien: {plural(lost, 'sample')} have no embedding; every protocol counts them")
    return FAILED if not len(embedded) else PARTLY if lost else 0


def write_embeddings(source: Path, target: Path, detector: str, recognizer: str, several: str = "take") -> None:
    """Embed a pack, a `.bin` file, a manifest or a folder, with a progress bar."""
    if is_pack(source):
        pack = Pack(source)
        total, work = len(pack), embed_pack(pack, target, recognizer)
    else:
        if source.suffix == ".bin":
            samples = [row for row in extract(source, target.with_suffix(".csv")) if isinstance(row, Sample)]
            manifest = tabulate(samples, target.parent, str(source))
        else:
            manifest = read_manifest(source)
        total, work = len(manifest), embed_manifest(manifest, target, detector, recognizer, several=several)
    with counting(total, "embedding") as tell:
        for done in work:
            tell(done)


def embedded_set(source: Path, target: Path, detector: str, recognizer: str | None) -> Embedded:
    """A set's embeddings: the file itself, or made of a set and kept at `target` for the next time."""
    if is_embedding_file(source):
        _require_model(source, recognizer)
        return read_embedded(source)
    model = store.load(options.recognizer(recognizer))
    if is_embedding_file(target):
        origin = read_origin(target)
        if (
            origin.contract == model.card.contract
            and origin.source == str(source)
            and origin.detector in (detector, "")
        ):
            err.print(f"mien: reading the embeddings in {target}")
            return read_embedded(target)
    write_embeddings(source, target, detector, options.recognizer(recognizer))
    return read_embedded(target)


def _require_model(source: Path, recognizer: str | None) -> None:
    """Refuse to take embeddings of one model for another's."""
    origin = read_origin(source)
    if recognizer is not None and store.load(recognizer).card.contract != origin.contract:
        raise ContractError(
            f"{source} was embedded with {origin.model} (contract {origin.contract}), not with {recognizer}: "
            "embed the set again, or leave --recognizer out"
        )


UNITS: dict[str, Unit] = {"cosine": "cosine", "l2": "L2", "squared-l2": "squared L2"}


def convert_threshold(
    value: Annotated[float, typer.Argument(help="The threshold.", show_default=False)],
    source: Annotated[str, typer.Option("--from", help=f"Its unit: {', '.join(UNITS)}.", show_default=False)],
    to: Annotated[str | None, typer.Option("--to", help="The unit wanted; all where none is named.")] = None,
    json: options.Json = False,
) -> int:
    """Convert a threshold between cosine, L2 and squared L2 of embeddings of unit length.

    An L2 of 1.22 is a squared L2 of 1.49 and a cosine of 0.26: taking one for another makes a sound threshold look
    wrong.

    Example:

      mien convert-threshold 1.22 --from l2 --to cosine
    """
    for name in (source, to):
        if name is not None and name not in UNITS:
            fail(f"a unit is {', '.join(UNITS)}, not {name}", WRONG)
    if source != "cosine" and not 0 <= (value**2 if source == "l2" else value) <= 4:
        most = 2 if source == "l2" else 4
        fail(f"{value:g} is no {UNITS[source]} of embeddings of unit length: those lie between 0 and {most}")
    try:
        found = {name: convert(value, UNITS[source], UNITS[name], unit_length=True) for name in UNITS}
    except ValueError as reason:
        fail(str(reason))
    if json:
        emit(found if to is None else {to: found[to]})
    elif to is not None:
        out.print(f"{found[to]:.4f}")
    else:
        for name, each in found.items():
            out.print(f"{UNITS[name]:<12}{each:.4f}")
    return 0
