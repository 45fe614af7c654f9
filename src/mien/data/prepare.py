"""Manifests into packs: detect unless boxes or landmarks are given, align, write. Every row is accounted for.

The rows are put into a fixed random order and cut into chunks of 32; a chunk is read, detected, aligned and encoded
by one worker with one thread, and written by this process in order. So the bytes of a pack depend on the manifest and
the settings alone, whatever the number of workers and however often the work was interrupted.
"""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet

from mien.data.cropping import STATUSES, Cropped, CropSpec, crop_samples
from mien.data.manifest import Manifest
from mien.data.pack import FORMAT, VERSION
from mien.data.resumable import open_parts
from mien.data.sample import Sample
from mien.data.shards import Shard, ShardWriter, describe_shard, encode_crop
from mien.data.workers import ordered
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.errors import ManifestError
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.options import EngineOptions
from mien.pipeline import MultipleFaces, Policy
from mien.templates import TEMPLATES

CHUNK = 32
"""Rows that a worker takes at a time."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a pack is made.

    Attributes:
        detector: a name in the model store, or the path of a card.
        size: width and height of the crops in pixels.
        template: the pose, arcface or dlib.
        quality: of the crops' JPEG.
        multiple_faces: reject an image in which two faces are about as prominent, or take the largest.
        magnified: a face whose crop would magnify the picture more than this is too small.
        rows_per_shard: rows of the manifest that go into one shard.
    """

    detector: str = DEFAULT_DETECTOR
    size: int = 112
    template: str = "arcface"
    quality: int = 95
    multiple_faces: MultipleFaces = "reject"
    magnified: float = 4.0
    rows_per_shard: int = 65536


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is: rows done of all, and how many of each status."""

    done: int
    total: int
    counts: dict[str, int]


def prepare(
    manifest: Manifest, out: Path, settings: Settings, *, workers: int = 1, ray_address: str | None = None
) -> Iterator[Progress]:
    """Make a pack of a manifest, or go on with one that was interrupted.

    Args:
        manifest: rows with or without boxes and landmarks.
        out: the pack's folder.
        settings: see Settings.
        workers: processes.
        ray_address: a Ray cluster that works instead; every machine must see the same files.

    Yields:
        Progress after every chunk.

    Raises:
        ManifestError: an empty manifest, or no such template.
        ResumeError: the folder holds something else.
    """
    if not len(manifest):
        raise ManifestError(f"{manifest.name} has no rows; there is nothing to prepare")
    if settings.template not in TEMPLATES:
        raise ManifestError(f"there is no template '{settings.template}'; it is one of {', '.join(TEMPLATES)}")
    TEMPLATES[settings.template](settings.size)
    plan = {"settings": asdict(settings), "manifest": _digest(manifest), "rows": len(manifest)}
    finished = open_parts(out, plan, "shard-{:05d}.bin")
    order = np.random.default_rng(0).permutation(len(manifest))
    shards: list[Shard] = []
    counts: Counter[str] = Counter()
    done = 0
    for number, first in enumerate(range(0, len(order), settings.rows_per_shard)):
        rows = order[first : first + settings.rows_per_shard]
        name = finished.path(number).stem
        if finished.is_complete(number):
            shards.append(describe_shard(out, name))
            counts.update(
                pyarrow.parquet.read_table(out / f"{name}.parquet", columns=["status"])["status"].to_pylist()
            )
            done += len(rows)
            yield Progress(done, len(order), dict(counts))
            continue
        writer = ShardWriter(out, name)
        try:
            counts.update(outcome[1] for outcome in writer.outcomes)
            done += len(writer.outcomes)
            tasks = _tasks(manifest, rows, writer.chunks)
            for results in ordered(partial(prepare_chunk, settings), tasks, workers, ray_address):
                writer.add(results)
                counts.update(result[1] for result in results)
                done += len(results)
                yield Progress(done, len(order), dict(counts))
            shards.append(writer.finish(manifest.take(rows).table))
        finally:
            writer.close()
    _finish(manifest, out, settings, shards, counts)


Task = tuple[list[int], list[Sample]]
Result = tuple[int, str, str, str, bytes]


def _tasks(manifest: Manifest, rows: np.ndarray[Any, Any], skip: int) -> Iterator[Task]:
    for first in range(skip * CHUNK, len(rows), CHUNK):
        chosen = rows[first : first + CHUNK].tolist()
        yield chosen, list(manifest.samples(chosen))


class _Digest:
    """A file that keeps nothing but the sha256 of what is written to it."""

    closed = False

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...


def _digest(manifest: Manifest) -> str:
    """Of everything that the manifest says."""
    digest = _Digest()
    pyarrow.csv.write_csv(manifest.table, digest)
    return digest.sha256.hexdigest()


def _finish(manifest: Manifest, out: Path, settings: Settings, shards: list[Shard], counts: Counter[str]) -> None:
    with (out / "rejected.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("row", "path", "subject", "status", "detail"))
        for shard in shards:
            columns = ["row", "path", "subject", "status", "detail"]
            for row in pyarrow.parquet.read_table(out / f"{shard.name}.parquet", columns=columns).to_pylist():
                if row["status"] != "written":
                    table.writerow(row[column] for column in columns)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "size": settings.size,
        "template": settings.template,
        "settings": asdict(settings),
        "manifest": manifest.name,
        "counts": {status: counts.get(status, 0) for status in STATUSES},
        "shards": [asdict(shard) for shard in shards],
    }
    partial_path = out / "pack.json.part"
    partial_path.write_text(json.dumps(about, indent=1), encoding="utf-8")
    partial_path.replace(out / "pack.json")


@lru_cache(maxsize=2)
def _detector(name: str) -> Detector:
    # One thread for each worker: more would change the order of sums with the number of workers.
    return open_detector(name, EngineOptions(threads=1, streams=1))


def prepare_chunk(settings: Settings, task: Task) -> list[Result]:
    """Read, detect, align and encode a chunk of samples.

    Returns:
        For each: its row, status, detail, sha256 of the image's bytes, and the crop as JPEG or nothing.
    """
    rows, samples = task
    policy = Policy(settings.multiple_faces, settings.magnified)
    spec = CropSpec(template=TEMPLATES[settings.template](settings.size), size=settings.size, policy=policy)
    cropped = crop_samples(samples, _detector(settings.detector), spec)
    return [
        (row, one.status, one.detail, one.sha256, _encoded(one, settings.quality))
        for row, one in zip(rows, cropped, strict=True)
    ]


def _encoded(cropped: Cropped, quality: int) -> bytes:
    if cropped.crop is None:
        return b""
    return cropped.jpeg or encode_crop(cropped.crop, quality)
