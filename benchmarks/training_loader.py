"""How many crops per second the loader reads and augments, by number of processes, from a pack of noise.

    python benchmarks/training_loader.py            # 1, 2, 4, 8 and 14 processes, as far as there are cores
    python benchmarks/training_loader.py --smoke

The pack holds smooth noise as JPEG of about 11 kB a crop, as crops of faces have; it is read from memory, as the disk
is not what is measured. Each row is timed for about a second, after every process has given a batch.
"""

import json
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

import command
from mien.data.shards import ShardWriter, encode_crop
from mien.train.compute.memory import keep_freed_memory
from mien.train.compute.order import BatchSlice, Readers
from mien.train.recognizers.augment import AUGMENTATIONS
from mien.train.recognizers.dataset import BatchReading, CropDataset, batches

KINDS = {"mirror": {"mirror": 0.5}, "all kinds at 0.2": dict.fromkeys(AUGMENTATIONS, 0.2) | {"mirror": 0.5}}
QUALITY = 80
FOREVER = 10**9


def noise_pack(folder: Path, crops: int = 8192, classes: int = 512) -> Path:
    """Write a pack of smooth noise."""
    folder.mkdir(parents=True)
    generator, writer = np.random.default_rng(0), ShardWriter(folder, "shard-00000")
    rows = []
    for number in range(crops):
        small = generator.integers(0, 256, (56, 56, 3), np.uint8)
        image = cv2.resize(small, (112, 112), interpolation=cv2.INTER_CUBIC)
        rows.append((number, "written", "", "", encode_crop(image, QUALITY)))
    writer.add(rows)
    shard = writer.finish(pa.table({"subject": [f"s{number % classes}" for number in range(crops)]}))
    about = {"format": "mien pack", "version": 1, "size": 112, "template": "arcface", "shards": [asdict(shard)]}
    (folder / "pack.json").write_text(json.dumps(about))
    return folder


def crops_per_second(
    crops: CropDataset, kinds: dict[str, float], readers: Readers, batch: int, seconds: float
) -> int:
    reading = BatchReading(share=BatchSlice(batch, 0, batch), seed=1, probabilities=kinds, readers=readers)
    queue = batches(crops, reading, 0, FOREVER)
    for _ in range(2 * max(readers.processes, readers.threads) + 1):
        next(queue)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        next(queue)
        done += batch
    return round(done / (time.perf_counter() - start))


def measure(pack: Path, counts: tuple[int, ...], batch: int = 512, seconds: float = 1.0) -> dict:
    """Crops per second in one thread and in numbers of processes."""
    keep_freed_memory()
    crops = CropDataset([pack], 112, "arcface")
    found = {}
    for name, kinds in KINDS.items():
        rows = {"1 thread": crops_per_second(crops, kinds, Readers(1), batch, seconds)}
        for count in counts:
            speed = crops_per_second(crops, kinds, Readers(1, count), batch, seconds)
            rows[f"{count} process{'es' if count > 1 else ''}"] = speed
        found[name] = rows
    return found


def usable(counts: tuple[int, ...] = (1, 2, 4, 8, 14)) -> tuple[int, ...]:
    """The numbers of processes that this machine has cores for."""
    return tuple(count for count in counts if count <= len(os.sched_getaffinity(0)))


def main() -> None:
    given = command.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if given.smoke:
            found = measure(noise_pack(Path(scratch) / "pack", 64, 8), (2,), 8, 0.05)
        else:
            found = measure(noise_pack(Path(scratch) / "pack"), usable())
    command.finish("training_loader", {"crops per second": found}, smoke=given.smoke)


if __name__ == "__main__":
    main()
