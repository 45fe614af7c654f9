"""Manifests into packs: detect unless boxes or landmarks are given, align, write. Every row is accounted for.

The rows are put into a fixed random order and cut into chunks of 32; a chunk is read, detected, aligned and encoded
by one worker with one thread, and written by this process in order. So the bytes of a pack depend only on the
manifest and the settings, whatever the number of workers and however often the work was interrupted.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow.csv
from numpy.typing import NDArray

from mien.data.cropping import STATUSES, Cropped, CropSettings, crop_samples, landmark_agreement
from mien.data.landmark_check import NO_AGREEMENT, Agreement
from mien.data.manifest import Manifest
from mien.data.pack import FORMAT, VERSION
from mien.data.resumable import WorkParts, open_parts
from mien.data.sample import LANDMARKS, Sample
from mien.data.shards import Shard, ShardWriter, describe_shard, encode_crop
from mien.data.tables import read_parquet
from mien.data.workers import ordered
from mien.detect.detector import Detector
from mien.detect.families import built_in, open_detector
from mien.errors import CardError, ManifestError
from mien.models import store
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import MultipleFaces, Policy, ReadOptions
from mien.progress import OnProgress, Progress, no_progress
from mien.spreadsheets import write_csv
from mien.templates import make_template, parse_template, template_text
from mien.whole_files import write_whole_text

CHUNK = 32
"""Rows that a worker takes at a time."""
ORDER_SEED = 0
"""Seed of the order of rows; another one gives other packs of the same manifest."""
REJECTED = ["row", "path", "subject", "status", "detail"]
"""Columns of rejected.csv."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSettings:
    """How a pack is made.

    Attributes:
        detector: a name in the model store, or the path of a card.
        size: width and height of the crops in pixels.
        template: the pose; see mien.templates.parse_template.
        quality: JPEG quality of the crops.
        multiple_faces: reject an image in which two faces are about as prominent, or take the largest.
        magnified: a face is too small if its crop would magnify the image more than this.
        rows_per_shard: rows of the manifest that go into one shard.
    """

    detector: str = DEFAULT_DETECTOR
    size: int = 112
    template: str = "arcface"
    quality: int = 95
    multiple_faces: MultipleFaces = "reject"
    magnified: float = 4.0
    rows_per_shard: int = 65536


DEFAULT_SETTINGS = PackSettings()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of the rows of a manifest.

    Attributes:
        pack: the folder.
        rows: number of rows.
        counts: number of rows of each status.
        examples: for each status without a crop, the first reason.
        agreement: how many landmarks that came with the manifest are where the detector finds a face.
    """

    pack: Path
    rows: int
    counts: dict[str, int]
    examples: dict[str, str] = field(default_factory=dict)
    agreement: Agreement = NO_AGREEMENT

    @property
    def rejected(self) -> int:
        """Number of rows without a crop; rejected.csv lists them."""
        return self.rows - self.counts.get("written", 0)


def prepare(
    manifest: Manifest,
    out: Path,
    settings: PackSettings = DEFAULT_SETTINGS,
    *,
    options: EngineOptions = DEFAULT_OPTIONS,
    workers: int = 1,
    ray_address: str | None = None,
    on_progress: OnProgress = no_progress,
) -> Prepared:
    """Make a pack of a manifest, or continue one that was interrupted.

    Args:
        manifest: rows with or without boxes and landmarks.
        out: the pack's folder.
        settings: how the pack is made.
        options: of the detector's engine; each worker uses one thread.
        workers: number of processes.
        ray_address: a Ray cluster that works instead; every machine must see the same files.
        on_progress: called before the first chunk of a shard and after every chunk.

    Raises:
        ManifestError: an empty manifest, no such template, or landmarks that are not where the faces are.
        ModelError: no such detector.
        ResumeError: the folder holds something else.

    Example:
        >>> from mien.data.manifest_io import read_manifest
        >>> mien.prepare_set(read_manifest(Path("portraits.csv")), Path("pack")).counts
        {'written': 32}
    """
    if not len(manifest):
        raise ManifestError(f"{manifest.name} has no rows; there is nothing to prepare")
    try:
        make_template(settings.template, settings.size)
    except CardError as reason:
        raise ManifestError(f"--template: {reason}") from reason
    if settings.detector not in built_in():
        # A detector that is missing is reported here and not by a worker.
        store.load(settings.detector)
    agreeing = _agreement(manifest, settings, options)
    plan = {
        "settings": asdict(settings),
        "engine": options.engine,
        "precision": options.precision,
        "manifest": _digest(manifest),
        "rows": len(manifest),
    }
    parts = open_parts(out, plan, "shard-{:05d}.bin")
    work = partial(prepare_chunk, settings, replace(options, threads=1, streams=1))
    writing = _Writing(manifest, parts, on_progress)
    order = np.random.default_rng(ORDER_SEED).permutation(len(manifest))
    for number, first in enumerate(range(0, len(order), settings.rows_per_shard)):
        rows = order[first : first + settings.rows_per_shard]
        if parts.is_complete(number):
            writing.skip(number)
        else:
            writing.write(number, rows, lambda tasks: ordered(work, tasks, workers, ray_address))
    _finish(manifest, out, settings, writing.shards, writing.counts)
    return Prepared(out, len(manifest), dict(writing.counts), writing.examples, agreeing)


def _agreement(manifest: Manifest, settings: PackSettings, options: EngineOptions) -> Agreement:
    if LANDMARKS[0] not in manifest.columns:
        return NO_AGREEMENT
    return landmark_agreement(manifest, open_detector(settings.detector, options), ReadOptions())


ChunkTask = tuple[list[int], list[Sample]]
"""Rows of the manifest, and their samples."""
Outcome = tuple[int, str, str, str, bytes]
"""Row, status, detail, sha256 of the image's bytes, and the crop as JPEG or nothing."""


class _Writing:
    """The shards so far, and how many rows of each status they hold."""

    def __init__(self, manifest: Manifest, parts: WorkParts, on_progress: OnProgress) -> None:
        self.manifest, self.parts, self.on_progress = manifest, parts, on_progress
        self.shards: list[Shard] = []
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def skip(self, number: int) -> None:
        """Count a shard that is complete."""
        name = self.parts.path(number).stem
        self.shards.append(describe_shard(self.parts.folder, name))
        table = read_parquet(self.parts.folder / f"{name}.parquet", ["status", "detail"])
        self._count(zip(table["status"].to_pylist(), table["detail"].to_pylist(), strict=True))

    def write(
        self,
        number: int,
        rows: NDArray[np.int64],
        work: Callable[[Iterator[ChunkTask]], Iterator[list[Outcome]]],
    ) -> None:
        """Write a shard, or the rest of it."""
        writer = ShardWriter(self.parts.folder, self.parts.path(number).stem)
        try:
            self._count((outcome[1], outcome[2]) for outcome in writer.outcomes)
            for results in work(_tasks(self.manifest, rows, writer.chunks)):
                writer.add(results)
                self._count((result[1], result[2]) for result in results)
            self.shards.append(writer.finish(self.manifest.take(rows).table))
        finally:
            writer.close()

    def _count(self, outcomes: Iterable[tuple[str, str]]) -> None:
        for status, detail in outcomes:
            self.counts[status] += 1
            if detail:
                self.examples.setdefault(status, detail)
        self.on_progress(Progress(stage="preparing", done=self.counts.total(), total=len(self.manifest)))


def _tasks(manifest: Manifest, rows: NDArray[np.int64], skip: int) -> Iterator[ChunkTask]:
    for first in range(skip * CHUNK, len(rows), CHUNK):
        chosen = rows[first : first + CHUNK].tolist()
        yield chosen, list(manifest.samples(chosen))


class _Digest:
    """A file that keeps only the sha256 of what is written to it."""

    closed = False

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...


def _digest(manifest: Manifest) -> str:
    """The sha256 of everything in the manifest."""
    digest = _Digest()
    pyarrow.csv.write_csv(manifest.table, digest)
    return digest.sha256.hexdigest()


def _rejected(out: Path, shards: Sequence[Shard]) -> Iterator[list[object]]:
    for shard in shards:
        for row in read_parquet(out / f"{shard.name}.parquet", REJECTED).to_pylist():
            if row["status"] != "written":
                yield [row[column] for column in REJECTED]


def _finish(manifest: Manifest, out: Path, settings: PackSettings, shards: list[Shard], counts: Counter[str]) -> None:
    """Write the list of rejected rows, and then pack.json, with which the pack is complete."""
    write_csv(out / "rejected.csv", REJECTED, _rejected(out, shards))
    about = {
        "format": FORMAT,
        "version": VERSION,
        "size": settings.size,
        "template": template_text(parse_template(settings.template)),
        "settings": asdict(settings),
        "manifest": manifest.name,
        "counts": {status: counts.get(status, 0) for status in STATUSES},
        "shards": [asdict(shard) for shard in shards],
    }
    write_whole_text(out / "pack.json", json.dumps(about, indent=1))


@lru_cache(maxsize=2)
def _detector(name: str, options: EngineOptions) -> Detector:
    return open_detector(name, options)


@lru_cache(maxsize=1)
def _reading() -> ReadOptions:
    # Once per worker: making it reads the settings.
    return ReadOptions()


def prepare_chunk(settings: PackSettings, options: EngineOptions, task: ChunkTask) -> list[Outcome]:
    """Read, detect, align and encode a chunk of samples."""
    rows, samples = task
    policy = Policy(settings.multiple_faces, settings.magnified)
    spec = CropSettings(template=make_template(settings.template, settings.size), size=settings.size, policy=policy)
    cropped = crop_samples(samples, _detector(settings.detector, options), spec, _reading())
    return [
        (row, one.status, one.detail, one.sha256, _encoded(one, settings.quality))
        for row, one in zip(rows, cropped, strict=True)
    ]


def _encoded(cropped: Cropped, quality: int) -> bytes:
    if cropped.crop is None:
        return b""
    return cropped.jpeg or encode_crop(cropped.crop, quality)
