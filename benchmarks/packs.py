"""Reading crops in random order from a pack, a folder of JPEGs and RecordIO in one process; and memory by size.

The set is LFW, prepared by mien and exported to a folder and to RecordIO. Each reader uses the same decoder and gives
shuffled batches of 256. Memory: packs of 10,000 to 1,000,000 synthetic crops are written and read, each size in its
own process, whose peak is reported.

    python benchmarks/packs.py
"""

import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import simplejpeg

import command
import inputs
import machine
from mien.data import recordio
from mien.data.export import export_folders, export_recordio
from mien.data.pack import Pack
from mien.data.shards import ShardWriter, encode_crop
from mien.models.engines import usable_cores

BATCH = 256
SIZES = (10_000, 100_000, 1_000_000)


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--child", type=int, metavar="CROPS", help="write and read a synthetic pack")
    given = parser.parse_args()
    if given.child:
        memory(given.child)
        return
    with tempfile.TemporaryDirectory() as scratch:
        result = {"batch": BATCH, "reading, crops per second": reading(Path(scratch), smoke=given.smoke)}
    sizes = (512,) if given.smoke else SIZES
    result["memory"] = [command.in_process(__file__, "--child", size) for size in sizes]
    command.finish("packs", result, smoke=given.smoke)


def reading(scratch: Path, *, smoke: bool) -> dict:
    files = inputs.lfw(scratch / "lfw", smoke=smoke, people=4, images=65)
    inputs.pack(scratch / "pack", files, 1 if smoke else usable_cores())
    pack = Pack(scratch / "pack")
    export_folders(pack, scratch / "folder")
    export_recordio(pack, scratch / "rec")
    readers = {"pack": lambda: from_pack(pack), "folder": lambda: from_folder(scratch / "folder")}
    readers["RecordIO"] = lambda: from_rec(scratch / "rec")
    speeds: dict = {"crops": len(pack)}
    for name, reader in readers.items():
        speeds[name] = round(max(reader() for _ in range(3)))
    return speeds


def rate(batches: object) -> float:
    started, count = time.perf_counter(), 0
    for images, labels in batches:
        assert images.shape == (BATCH, 112, 112, 3) and len(labels) == BATCH
        count += BATCH
    return count / (time.perf_counter() - started)


def from_pack(pack: Pack) -> float:
    return rate(pack.shuffled(BATCH, seed=int(time.time())))


def decode(data: bytes) -> np.ndarray:
    return simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False)


def from_folder(folder: Path) -> float:
    files = sorted(folder.rglob("*.jpg"))
    classes = {name: number for number, name in enumerate(sorted({path.parent.name for path in files}))}

    def batches() -> object:
        order = np.random.default_rng().permutation(len(files))
        for first in range(0, len(order) - BATCH + 1, BATCH):
            chosen = [files[i] for i in order[first : first + BATCH]]
            yield np.stack([decode(path.read_bytes()) for path in chosen]), [classes[p.parent.name] for p in chosen]

    return rate(batches())


def from_rec(folder: Path) -> float:
    """As the field's readers do: shuffle the keys, and seek for each."""
    offsets = dict(recordio.read_index(folder / "train.idx").offsets.tolist())
    head = recordio.read_at(folder / "train.rec", offsets[0])
    keys = np.arange(1, int(head.labels[0]))

    def batches() -> object:
        order = np.random.default_rng().permutation(keys)
        with (folder / "train.rec").open("rb") as stream:
            for first in range(0, len(order) - BATCH + 1, BATCH):
                images, labels = [], []
                for key in order[first : first + BATCH]:
                    stream.seek(offsets[int(key)])
                    record = recordio.parse_record(recordio.read_payload(stream, "train.rec"), "train.rec")
                    images.append(decode(record.image))
                    labels.append(record.labels[0])
                yield np.stack(images), labels

    return rate(batches())


def memory(count: int) -> None:
    """Write and read a synthetic pack and print this process's peak memory."""
    generator = np.random.default_rng(0)
    crops = [encode_crop(smooth(generator), 90) for _ in range(64)]
    with tempfile.TemporaryDirectory() as scratch:
        folder, shards, base = Path(scratch), [], machine.peak_memory()
        for number, first in enumerate(range(0, count, 65536)):
            rows = range(first, min(first + 65536, count))
            writer = ShardWriter(folder, f"shard-{number:05d}")
            for chunk in range(0, len(rows), 32):
                writer.add([(row, "written", "", f"{row:064d}", crops[row % 64]) for row in rows[chunk : chunk + 32]])
            columns = {"path": [f"{row:08d}.jpg" for row in rows], "subject": [f"s{row // 50:06d}" for row in rows]}
            shards.append(asdict(writer.finish(pa.table(columns))))
        written = machine.peak_memory()
        about = {"format": "mien pack", "version": 1, "size": 112, "template": "arcface", "shards": shards}
        (folder / "pack.json").write_text(json.dumps(about))
        size = sum(path.stat().st_size for path in folder.glob("*.bin"))
        started = time.perf_counter()
        pack = Pack(folder)
        opened, seen = time.perf_counter() - started, 0
        started = time.perf_counter()
        for images, _ in pack.shuffled(BATCH, seed=1):
            seen += len(images)
            if seen >= 100_000:
                break
        result = {
            "crops": count,
            "GB": round(size / 1e9, 2),
            "peak before, MB": base,
            "peak after writing, MB": written,
            "peak after opening and reading, MB": machine.peak_memory(),
            "open, s": round(opened, 2),
            "crops per second": round(seen / (time.perf_counter() - started)),
        }
    print(json.dumps(result))


def smooth(generator: np.random.Generator) -> np.ndarray:
    import cv2

    small = generator.integers(0, 255, (14, 14, 3), np.uint8)
    return cv2.resize(small, (112, 112), interpolation=cv2.INTER_CUBIC)


if __name__ == "__main__":
    main()
