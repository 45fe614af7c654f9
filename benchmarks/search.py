"""Search: 10,000, 100,000 and 1,000,000 templates of 512 numbers in a gallery file.

Templates are random unit vectors around random subject centres, compared by cosine, 4 per subject. Half of the
probes are new samples of enrolled subjects, half are strangers. Exact search is float64 in blocks over the same
vectors. Peers that hold the same vectors take turns with the gallery: numpy's product in float32, and faiss's own
index of 8 bits (QT_8bit), whose answers are not exact. Each size runs in its own process, so that memory is not
shared.

    python benchmarks/search.py [--sizes 10000 100000 1000000]
"""

import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np

import command
from mien.gallery.gallery import Gallery
from mien.gallery.indexes.exact import ExactIndex
from mien.gallery.indexes.quantized import QuantizedIndex
from mien.gallery.records import Identity, NewTemplate, Portrait
from mien.gallery.stores.sqlite import SqliteStore

DIMENSION, PER_SUBJECT, TOP, PROBES = 512, 4, 10, 1000


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--child", type=int, metavar="TEMPLATES")
    given = parser.parse_args()
    if given.child:
        print(json.dumps(run(given.child)))
        return
    sizes = [1_000] if given.smoke else given.sizes
    result = {f"{size:,} templates": command.in_process(__file__, "--child", size) for size in sizes}
    result = {"dimension": DIMENSION, "templates per subject": PER_SUBJECT, **result}
    command.finish("search", result, smoke=given.smoke)


def run(size: int) -> dict:
    generator = np.random.default_rng(1)
    vectors, centres = make(generator, size)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "people.gallery"
        started = time.perf_counter()
        fill(path, vectors)
        build = time.perf_counter() - started
        before = memory()
        started = time.perf_counter()
        gallery = Gallery(SqliteStore.open(path))
        gallery.search(vectors[:1], TOP)
        opened = time.perf_counter() - started
        probes = make_probes(generator, centres)
        result = {
            "enrol all, s": round(build, 1),
            "file, MB": round(path.stat().st_size / 1e6),
            "open and build the index, s": round(opened, 2),
            "memory of the open gallery, MB": round(memory() - before),
            "index": type(gallery._index.current()).__name__,
            **latencies(searchers(gallery, vectors), probes, smoke=size < 10_000),
            "8 searches of 8 threads": side_by_side(gallery, probes, 8),
            **recalls(gallery, probes, vectors),
        }
        result |= {"index alone, one query, ms": both_indexes(vectors, probes, gallery) if size <= 100_000 else None}
        gallery.close()
    return result


def make(generator: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    subjects = size // PER_SUBJECT
    centres = unit(generator.standard_normal((subjects, DIMENSION), np.float32))
    vectors = np.empty((size, DIMENSION), np.float32)
    for start in range(0, subjects, 10_000):
        some = np.repeat(centres[start : start + 10_000], PER_SUBJECT, axis=0)
        noise = unit(generator.standard_normal(some.shape, np.float32))
        vectors[start * PER_SUBJECT : start * PER_SUBJECT + len(some)] = unit(some + noise)
    return vectors, centres


def unit(values: np.ndarray) -> np.ndarray:
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values


def make_probes(generator: np.random.Generator, centres: np.ndarray) -> np.ndarray:
    known = centres[generator.integers(0, len(centres), PROBES // 2)].copy()
    known = unit(known + unit(generator.standard_normal(known.shape, np.float32)))
    strangers = unit(generator.standard_normal((PROBES // 2, DIMENSION), np.float32))
    mixed = np.concatenate([known, strangers])
    return mixed[generator.permutation(PROBES)]


def fill(path: Path, vectors: np.ndarray) -> None:
    store = SqliteStore.create(path, Identity("benchmark", "synthetic", "cosine", DIMENSION))
    portrait = Portrait(b"", np.zeros((5, 2), np.float32))
    for start in range(0, len(vectors), 5000):
        store.add(
            [
                NewTemplate(f"s{(start + i) // PER_SUBJECT}", str(start + i), vector, portrait)
                for i, vector in enumerate(vectors[start : start + 5000])
            ]
        )
    store.erase_traces()
    store.close()


def memory() -> float:
    """Megabytes that this process uses now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def searchers(gallery: Gallery, vectors: np.ndarray) -> dict[str, Callable[[np.ndarray], object]]:
    """The gallery with names and all, its index alone, and its peers."""
    peer = faiss_index(vectors)

    def product(some: np.ndarray) -> np.ndarray:
        scores = some @ vectors.T
        near = np.argpartition(scores, -TOP, axis=1)[:, -TOP:]
        order = np.argsort(-np.take_along_axis(scores, near, 1), axis=1)
        return np.take_along_axis(near, order, 1)

    return {
        "gallery": lambda some: gallery.search(some, TOP),
        "its index": lambda some: gallery._index.current().search(some, TOP),
        "numpy, float32": product,
        "faiss, 8 bits": lambda some: peer.search(some, TOP),
    }


def faiss_index(vectors: np.ndarray) -> faiss.IndexScalarQuantizer:
    index = faiss.IndexScalarQuantizer(DIMENSION, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[:100_000])
    for start in range(0, len(vectors), 100_000):
        index.add(vectors[start : start + 100_000])
    return index


def latencies(searches: dict[str, Callable[[np.ndarray], object]], probes: np.ndarray, *, smoke: bool) -> dict:
    """Of the gallery, and of the others that took turns with it."""
    found = {
        "one query": turns(searches, probes, 1, 3 if smoke else 100),
        "64 queries": turns(searches, probes, 64, 2 if smoke else 12),
    }
    mine = {name: rows.pop("gallery") for name, rows in found.items()}
    return mine | {"others in turns with it": found}


def turns(searches: dict[str, Callable[[np.ndarray], object]], probes: np.ndarray, batch: int, rounds: int) -> dict:
    """Milliseconds of each, which take turns, with the processor time of all threads."""
    walls: dict[str, list[float]] = {name: [] for name in searches}
    processors: dict[str, list[float]] = {name: [] for name in searches}
    for number in range(rounds):
        some = probes[(number * batch) % (PROBES - batch) :][:batch]
        for name, search in searches.items():
            wall, processor = time.perf_counter(), time.process_time()
            search(some)
            walls[name].append(1000 * (time.perf_counter() - wall))
            processors[name].append(1000 * (time.process_time() - processor))
    return {
        name: {
            "p50, ms": round(statistics.median(walls[name]), 2),
            "p95, ms": round(float(np.percentile(walls[name], 95)), 2),
            "processor p50, ms": round(statistics.median(processors[name]), 2),
        }
        for name in searches
    }


def side_by_side(gallery: Gallery, probes: np.ndarray, threads: int, rounds: int = 15) -> dict:
    """One query of each thread at the same time, against as many queries one after another on all cores."""
    together, alone = [], []
    with ThreadPoolExecutor(threads) as pool:
        for number in range(rounds):
            some = [probes[place : place + 1] for place in range(number * threads, (number + 1) * threads)]
            started = time.perf_counter()
            list(pool.map(lambda probe: gallery.search(probe, TOP), some))
            together.append(1000 * (time.perf_counter() - started))
            started = time.perf_counter()
            for probe in some:
                gallery.search(probe, TOP)
            alone.append(1000 * (time.perf_counter() - started))
    ratio = statistics.median(together) / statistics.median(alone)
    return {
        "together p50, ms": round(statistics.median(together), 2),
        "one after another p50, ms": round(statistics.median(alone), 2),
        "ratio": round(ratio, 2),
    }


def recalls(gallery: Gallery, probes: np.ndarray, vectors: np.ndarray) -> dict[str, float]:
    """Share of the ten templates found that are among the exact ten best, by score to 1e-6."""
    peer, hits = faiss_index(vectors), {"gallery": 0, "faiss, 8 bits": 0}
    for start in range(0, PROBES, 50):
        some = probes[start : start + 50]
        exact = np.concatenate(
            [some.astype(np.float64) @ vectors[i : i + 50_000].T for i in range(0, len(vectors), 50_000)], axis=1
        )
        last = np.partition(exact, -TOP, axis=1)[:, -TOP]
        found = {
            "gallery": [ids - 1 for ids, _ in gallery._index.current().search(some, TOP)],
            "faiss, 8 bits": list(peer.search(some, TOP)[1]),
        }
        for name, answers in found.items():
            for row, worst, rows in zip(exact, last, answers, strict=True):
                hits[name] += int((row[rows] >= worst - 1e-6).sum())
    shares = {name: count / (PROBES * TOP) for name, count in hits.items()}
    return {
        "recall of the top 10, templates, 1,000 probes": shares["gallery"],
        "the same of faiss, 8 bits": shares["faiss, 8 bits"],
    }


def both_indexes(vectors: np.ndarray, probes: np.ndarray, gallery: Gallery) -> dict:
    """Time of one query by each kind of index at this size, to choose where one takes over."""
    ids = np.arange(1, len(vectors) + 1)
    plain = ExactIndex(DIMENSION, "cosine").add(ids, vectors)
    quantized = QuantizedIndex(ids, vectors, "cosine", gallery.store.embeddings)
    result = {}
    for name, index in (("float32", plain), ("8 bits", quantized)):
        times = []
        for number in range(100):
            started = time.perf_counter()
            index.search(probes[number : number + 1], TOP)
            times.append(1000 * (time.perf_counter() - started))
        result[name] = round(statistics.median(times), 2)
    return result


if __name__ == "__main__":
    main()
