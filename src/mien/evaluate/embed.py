"""Embeds a data set once, for every protocol: manifests and folders through a detector, packs and crops as they are.

Owns resuming: parts of 2,048 rows are written beside the file and put together at the end.
"""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mien.data.cropping import Cropped, Pose, crop_samples
from mien.data.manifest import Manifest, tabulate
from mien.data.pack import Pack
from mien.data.sample import Sample
from mien.data.stored_paths import absolute
from mien.detect.families import open_detector
from mien.errors import ManifestError
from mien.evaluate.scorefile import Origin, schema_metadata
from mien.models import store
from mien.models.engines import usable_cores
from mien.models.options import EngineOptions
from mien.prefetch import prefetch
from mien.recognize.recognizer import Recognizer
from mien.types import Floats

CHUNK = 32
PART = 2048
"""Rows of a part, a multiple of CHUNK."""


def embed_manifest(
    manifest: Manifest, out: Path, detector: str, recognizer: str, *, several: str = "take"
) -> Iterator[int]:
    """Embed the samples of a manifest into a file, or go on where that was interrupted.

    Args:
        manifest: what to embed.
        out: the embedding file, .parquet.
        detector: a name or card; not opened where every sample is aligned or has landmarks.
        recognizer: a name or card.
        several: take the most prominent face, or reject the image, where two are about as prominent.

    Yields:
        How many samples are done.

    Raises:
        ManifestError: nothing to embed, or another embedding was begun at this place.
    """
    if not len(manifest):
        raise ManifestError(f"{manifest.name} has no rows; there is nothing to embed")
    workers = usable_cores()
    options = EngineOptions(streams=workers)
    network = Recognizer(store.load(recognizer), options)
    finder = open_detector(detector, options)
    pose = Pose(network.template, network.size, "reject" if several == "reject" else "take", np.inf)
    origin = _origin(network, detector, manifest.name)

    def work(samples: list[Sample]) -> tuple[list[Cropped], Floats]:
        cropped = crop_samples(samples, finder, pose)
        crops = [one.crop for one in cropped if one.crop is not None]
        return cropped, network.embed(crops)

    done = _begin(out, origin, len(manifest))
    chunks = _chunks(manifest, done)
    yield done
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(workers) as pool:
        for cropped, embeddings in prefetch(pool, work, chunks, workers + 1):
            rows += _rows(cropped, embeddings)
            done += len(cropped)
            if len(rows) >= PART or done == len(manifest):
                _write_part(out, manifest, done - len(rows), rows)
                rows = []
            yield done
    _finish(out, manifest, origin)


def embed_pack(pack: Pack, out: Path, recognizer: str) -> Iterator[int]:
    """Embed the crops of a pack; they must be in the recognizer's pose and size, or a multiple of it.

    Raises:
        ManifestError: the pack has another pose.
    """
    network = Recognizer(store.load(recognizer), EngineOptions(streams=usable_cores()))
    if network.spec.template != pack.template or network.size != pack.size:
        raise ManifestError(
            f"{pack.folder} holds {pack.template} crops of {pack.size} pixels, {network.card.name} takes "
            f"{network.spec.template} crops of {network.size}: embed the manifest, or prepare a pack with "
            f"--template {network.spec.template} --size {network.size}"
        )
    # A crop's place is its number in the pack; lists of pairs call it by the photograph it came from.
    samples = [
        Sample(pack.folder, str(row["subject"]), record=index, known={**_known(row), "name": str(row["path"])})
        for index, row in enumerate(pack.rows())
    ]
    manifest = tabulate(samples, pack.folder, str(pack.folder))
    origin = _origin(network, "", str(pack.folder))
    done = _begin(out, origin, len(manifest))
    crops = islice(pack.crops(), done, None)
    while part := list(islice(crops, PART)):
        cropped = [Cropped("written", "", "", crop) for crop in part]
        rows = _rows(cropped, network.embed(part))
        _write_part(out, manifest, done, rows)
        done += len(part)
        yield done
    _finish(out, manifest, origin)


def _known(row: dict[str, Any]) -> dict[str, Any]:
    left_out = {"path", "subject", "status", "detail", "offset", "length", "crc32", "record", "row", "sha256"}
    return {name: value for name, value in row.items() if name not in left_out and value is not None}


def _origin(network: Recognizer, detector: str, source: str) -> Origin:
    card = network.card
    return Origin(card.contract, card.name, network.spec.metric, network.spec.normalized, detector, source)


def _chunks(manifest: Manifest, skip: int) -> Iterator[list[Sample]]:
    for first in range(skip, len(manifest), CHUNK):
        yield list(manifest.samples(list(range(first, min(first + CHUNK, len(manifest))))))


def _parts(out: Path) -> Path:
    return out.with_name(out.name + ".parts")


def _begin(out: Path, origin: Origin, rows: int) -> int:
    """How many rows are embedded already."""
    if out.suffix != ".parquet":
        raise ManifestError(f"{out}: an embedding file's name ends in .parquet")
    folder, plan = _parts(out), {**asdict(origin), "rows": rows}
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    if json.loads((folder / "plan.json").read_text(encoding="utf-8")) != plan:
        raise ManifestError(f"{folder} holds parts of another embedding; remove it, or give another --out")
    return min(rows, len(list(folder.glob("*.parquet"))) * PART)


def _rows(cropped: list[Cropped], embeddings: Floats) -> list[dict[str, Any]]:
    queue = iter(embeddings)
    return [
        {
            "status": one.status,
            "detail": one.detail,
            "sha256": one.sha256,
            "embedding": next(queue) if one.crop is not None else None,
        }
        for one in cropped
    ]


def _write_part(out: Path, manifest: Manifest, first: int, rows: list[dict[str, Any]]) -> None:
    table = manifest.table.slice(first, len(rows))
    table = table.drop_columns([n for n in ("status", "detail", "sha256", "embedding") if n in table.column_names])
    for name in ("status", "detail", "sha256"):
        table = table.append_column(name, pa.array([row[name] for row in rows], pa.string()))
    vectors = [row["embedding"] for row in rows]
    table = table.append_column("embedding", pa.array(vectors, pa.list_(pa.float32())))
    path = _parts(out) / f"{first // PART:06d}.parquet"
    partial = path.with_suffix(".part")
    pyarrow.parquet.write_table(table, partial, compression="none")
    partial.replace(path)


def _finish(out: Path, manifest: Manifest, origin: Origin) -> None:
    """Put the parts together; paths become relative to the file's folder or absolute."""
    parts = sorted(_parts(out).glob("*.parquet"))
    schema = pyarrow.parquet.read_schema(parts[0]).with_metadata(schema_metadata(origin))
    partial = out.with_name(out.name + ".part")
    with pyarrow.parquet.ParquetWriter(partial, schema, compression="none") as writer:
        for part in parts:
            table = pyarrow.parquet.read_table(part)
            whole = manifest.folder.resolve()
            files = [absolute(whole, str(file)) for file in table.column("path").to_pylist()]
            column = table.column_names.index("path")
            writer.write_table(table.set_column(column, "path", pa.array(files, pa.string())).cast(schema))
    partial.replace(out)
    shutil.rmtree(_parts(out))
