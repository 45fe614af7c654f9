"""Samples to rows of an embedding file: manifests with a detector, packs as they are.

Owns resuming in parts. Does not decide which face of an image counts (mien.data.cropping), and opens no model.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.data.cropping import Cropped, CropSettings, landmark_agreement
from mien.data.manifest import Manifest, tabulate
from mien.data.pack import Pack
from mien.data.resumable import WorkParts, open_parts
from mien.data.sample import Sample
from mien.data.stored_paths import absolute
from mien.data.tables import open_parquet_writer, read_parquet, write_parquet
from mien.data.workers import ordered
from mien.detect.detector import Detector
from mien.errors import ManifestError
from mien.evaluate.embed_samples import (
    ClusterWork,
    CropWork,
    crop_elsewhere,
    crops_for,
    embed_crops,
    embed_elsewhere,
    embed_samples,
    rows_of,
)
from mien.evaluate.scorefile import (
    DETECTOR_SCORE,
    NORM,
    SCOPE,
    Embedded,
    Origin,
    read_embedded,
    schema_metadata,
)
from mien.models.engines import usable_cores
from mien.models.options import EngineOptions
from mien.pipeline import MultipleFaces, ReadOptions
from mien.prefetch import prefetch
from mien.progress import OnProgress, Progress, no_progress
from mien.recognize.recognizer import Recognizer
from mien.templates import template_text
from mien.whole_files import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 32
"""Images that are detected and embedded together."""
PART = 2048
"""Rows of a part, a multiple of CHUNK."""
STAGE = "embedding"
OWN_COLUMNS = ("status", "detail", "sha256", "embedding", NORM, SCOPE)
"""Columns that are written here; those of a manifest give way to them."""


Rows = list[dict[str, Any]]
"""Rows of an embedding file."""


@dataclass(frozen=True, slots=True)
class Readers:
    """Processes of this machine that make crops.

    Attributes:
        count: how many; with 1 crops are made in this process.
        detector: a name in the model store, or the path of a card.
        options: of the detector's engine.
    """

    count: int
    detector: str
    options: EngineOptions


@dataclass(frozen=True, slots=True)
class FaceFinder:
    """A detector with the name that opens it again, which an embedding file keeps."""

    name: str
    detector: Detector


def embed_manifest(
    manifest: Manifest,
    out: Path,
    finder: FaceFinder,
    network: Recognizer,
    *,
    multiple_faces: MultipleFaces = "largest",
    scopes: bool = True,
    cluster: ClusterWork | None = None,
    readers: Readers | None = None,
    on_progress: OnProgress = no_progress,
) -> Embedded:
    """Embed the samples of a manifest into a file, or go on where that was interrupted.

    Args:
        manifest: what to embed.
        out: the embedding file, .parquet.
        finder: used for samples that are neither aligned nor have landmarks.
        network: the recognizer.
        multiple_faces: take the most prominent face, or reject the image, where two are about as prominent.
        scopes: whether to measure in what each face is outside of what recognizers are measured on (mien.scope).
        cluster: works instead of this machine; every machine of it must see the same files.
        readers: processes that decode, find faces and align them, while this one embeds; None does all of it in
            threads.
        on_progress: called after every few samples.

    Raises:
        ManifestError: there is nothing to embed, or no sample has a face.
        ResumeError: a different embedding was begun at this place.
        MissingExtraError, WorkerError: Ray is not installed, or the cluster cannot be reached.
    """
    if not len(manifest):
        raise ManifestError(f"{manifest.name} has no rows; there is nothing to embed")
    reading = ReadOptions()
    landmark_agreement(manifest, finder.detector, reading)
    origin = _origin(network, finder.name, manifest.name)
    parts = _open(out, origin, len(manifest), multiple_faces, scopes=scopes)
    done = min(len(manifest), parts.first_missing() * PART)
    on_progress(Progress(stage=STAGE, done=done, total=len(manifest)))
    rows: Rows = []
    chunks, settings = _chunks(manifest, done), crops_for(network, multiple_faces, scopes)
    if cluster is not None:
        embedded = ordered(partial(embed_elsewhere, cluster, multiple_faces, scopes), chunks, 1, cluster.address)
    elif readers is not None:
        embedded = _embed_what_is_read(readers, settings, network, chunks)
    else:
        embedded = _embed_in_threads(partial(embed_samples, finder.detector, network, settings, reading), chunks)
    for some in embedded:
        rows += some
        done += len(some)
        if len(rows) >= PART or done == len(manifest):
            _write_part(parts, manifest, done - len(rows), rows)
            rows = []
        on_progress(Progress(stage=STAGE, done=done, total=len(manifest)))
    return _combine(parts, out, manifest, origin)


def _embed_in_threads(work: Callable[[list[Sample]], Rows], chunks: Iterator[list[Sample]]) -> Iterator[Rows]:
    """Whole chunks in threads of this process, one for each core."""
    workers = usable_cores()
    with ThreadPoolExecutor(workers) as pool:
        yield from prefetch(pool, work, chunks, workers + 1)


def _embed_what_is_read(
    readers: Readers, settings: CropSettings, network: Recognizer, chunks: Iterator[list[Sample]]
) -> Iterator[Rows]:
    """Crops of processes, embedded here as many chunks together as the network's engine gains by.

    How many there are depends on the engine alone, so that the number of processes changes no embedding.
    """
    work = partial(crop_elsewhere, CropWork(readers.detector, settings, readers.options))
    cropped = ordered(work, chunks, readers.count)
    while together := list(islice(cropped, max(1, network.batch // CHUNK))):
        yield embed_crops(network, together)


def embed_pack(pack: Pack, out: Path, network: Recognizer, *, on_progress: OnProgress = no_progress) -> Embedded:
    """Embed the crops of a pack into a file.

    Raises:
        ManifestError: the crops do not have the recognizer's pose and size.
    """
    template = template_text(network.spec.template)
    if template != pack.template or network.size != pack.size:
        raise ManifestError(
            f"{pack.folder} holds {pack.template} crops of {pack.size} pixels, {network.card.name} takes "
            f"{template} crops of {network.size}: embed the manifest, or prepare a pack with "
            f"--template '{template}' --size {network.size}"
        )
    # A crop's place is its number in the pack; lists of pairs call it by the image it was cut from.
    samples = [
        Sample(pack.folder, str(row["subject"]), record=index, known={**_known(row), "name": str(row["path"])})
        for index, row in enumerate(pack.rows())
    ]
    manifest = tabulate(samples, pack.folder, str(pack.folder))
    origin = _origin(network, "", str(pack.folder))
    parts = _open(out, origin, len(manifest), "largest", scopes=False)
    done = min(len(manifest), parts.first_missing() * PART)
    crops = islice(pack.crops(), done, None)
    while some := list(islice(crops, PART)):
        cropped = [Cropped("written", "", "", crop) for crop in some]
        _write_part(parts, manifest, done, embed_crops(network, [rows_of(cropped)]))
        done += len(some)
        on_progress(Progress(stage=STAGE, done=done, total=len(manifest)))
    return _combine(parts, out, manifest, origin)


def _known(row: dict[str, Any]) -> dict[str, Any]:
    left_out = {"path", "subject", "status", "detail", "offset", "length", "crc32", "record", "row", "sha256"}
    return {name: value for name, value in row.items() if name not in left_out and value is not None}


def _origin(network: Recognizer, detector: str, source: str) -> Origin:
    card = network.card
    return Origin(
        contract=card.contract,
        model=card.name,
        metric=network.spec.metric,
        normalized=network.spec.normalized,
        detector=detector,
        source=source,
    )


def _chunks(manifest: Manifest, skip: int) -> Iterator[list[Sample]]:
    for first in range(skip, len(manifest), CHUNK):
        yield list(manifest.samples(list(range(first, min(first + CHUNK, len(manifest))))))


def _open(out: Path, origin: Origin, rows: int, multiple_faces: MultipleFaces, *, scopes: bool) -> WorkParts:
    if out.suffix != ".parquet":
        raise ManifestError(f"{out}: an embedding file's name ends in .parquet")
    plan = {**asdict(origin), "rows": rows, "multiple_faces": multiple_faces, "scopes": scopes}
    return open_parts(out.with_name(f"{out.name}.parts"), plan, "{:06d}.parquet", private=True)


def _write_part(parts: WorkParts, manifest: Manifest, first: int, rows: Rows) -> None:
    import pyarrow as pa

    table = manifest.table.slice(first, len(rows))
    table = table.drop_columns([name for name in OWN_COLUMNS if name in table.column_names])
    for name in ("status", "detail", "sha256"):
        table = table.append_column(name, pa.array([row[name] for row in rows], pa.string()))
    vectors = [row["embedding"] for row in rows]
    table = table.append_column("embedding", pa.array(vectors, pa.list_(pa.float32())))
    # A score that came with the set is that of the landmarks that came with it.
    measured = (NORM,) if DETECTOR_SCORE in table.column_names else (NORM, DETECTOR_SCORE)
    for name in measured:
        table = table.append_column(name, pa.array([row[name] for row in rows], pa.float32()))
    values = [row[SCOPE] for row in rows]
    table = table.append_column(SCOPE, pa.array(values, pa.map_(pa.string(), pa.float32())))
    with parts.write(first // PART) as path:
        write_parquet(table, path, compression="none")


def _combine(parts: WorkParts, out: Path, manifest: Manifest, origin: Origin) -> Embedded:
    """Put the parts together and read the file; paths become absolute."""
    files = parts.files()
    schema = read_parquet(files[0]).schema.with_metadata(schema_metadata(origin))
    with (
        whole_file(out, private=True) as scratch,
        open_parquet_writer(scratch, schema, compression="none") as writer,
    ):
        for file in files:
            writer.write_table(_with_absolute_paths(read_parquet(file), manifest.folder).cast(schema))
    parts.remove()
    return read_embedded(out)


def _with_absolute_paths(table: "pa.Table", folder: Path) -> "pa.Table":
    import pyarrow as pa

    paths = [absolute(folder.resolve(), str(path)) for path in table.column("path").to_pylist()]
    return table.set_column(table.column_names.index("path"), "path", pa.array(paths, pa.string()))
