"""All comparisons of a set: the impostor protocol's engine against the float32 products alone; memory; folds.

Random unit vectors of 512 numbers. `products` computes the upper half of all scores and discards it: once as numpy
does, 2,048 rows against all later ones with numpy's own threads, and once in the protocol's own blocks and threads,
which was the fastest way found. Each size runs in its own process, whose peak memory is reported. The last figures
are the whole impostor report of 2,000 samples and the ten folds of 6,000 scored pairs.

    python benchmarks/impostors.py
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

import command
import machine
from mien.data.pairs import Pair
from mien.evaluate.protocols.impostor import impostor
from mien.evaluate.protocols.verification import evaluate_pairs
from mien.evaluate.scorefile import Embedded, Origin
from mien.models.engines import usable_cores
from mien.pairwise import all_pairs, score_blocks

SIZES = (10_000, 20_000, 50_000, 100_000)
ORIGIN = Origin(
    contract="benchmark", model="random vectors", metric="cosine", normalized=True, detector="", source="synthetic"
)


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--child", type=int, metavar="SAMPLES")
    given = parser.parse_args()
    if given.child:
        print(json.dumps(one(given.child)))
        return
    sizes = (600,) if given.smoke else SIZES
    result = {
        "BLAS": blas(),
        "sizes": [command.in_process(__file__, "--child", size) for size in sizes],
        "2,000 samples": small(200 if given.smoke else 2000),
        "ten folds, s": folds(60 if given.smoke else 3000),
    }
    command.finish("impostors", result, smoke=given.smoke)


def blas() -> list:
    keys = ("internal_api", "version", "architecture", "num_threads")
    return [{key: info.get(key) for key in keys} for info in threadpool_info() if info["user_api"] == "blas"]


def vectors(count: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    found = generator.standard_normal((count, 512), np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def one(count: int) -> dict:
    embeddings, numbers = vectors(count), np.arange(count)
    all_pairs.compare_all(embeddings[:4000], numbers[:4000], "cosine")
    before = machine.peak_memory()
    plain = min(products(embeddings) for _ in range(2))
    blocked = min(blocked_products(embeddings) for _ in range(2))
    times = []
    for _ in range(2):
        started = time.perf_counter()
        found = all_pairs.compare_all(embeddings, numbers, "cosine")
        times.append(time.perf_counter() - started)
    assert found.nonmated == count * (count - 1) // 2
    peak = machine.peak_memory()
    return {
        "samples": count,
        "comparisons": found.nonmated,
        "products as numpy does them, s": round(plain, 2),
        "products in blocks, s": round(blocked, 2),
        "protocol, s": round(min(times), 2),
        "times numpy's products": round(min(times) / plain, 2),
        "times the products in blocks": round(min(times) / blocked, 2),
        "embeddings, MB": round(embeddings.nbytes / 2**20),
        "peak with embeddings alone, MB": before,
        "peak, MB": peak,
    }


def products(embeddings: np.ndarray) -> float:
    started = time.perf_counter()
    for first in range(0, len(embeddings), 2048):
        embeddings[first : first + 2048] @ embeddings[first:].T
    return time.perf_counter() - started


def blocked_products(embeddings: np.ndarray) -> float:
    blocks = list(score_blocks.blocks_of(np.array([len(embeddings)]), [(0, 0)]))

    def work(block: object) -> None:
        np.matmul(embeddings[block.row : block.row_end], embeddings[block.column : block.column_end].T)

    started = time.perf_counter()
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(work, blocks))
    return time.perf_counter() - started


def embedded(count: int, each: int = 1) -> Embedded:
    names = tuple(f"s{number // each:05d}/{number % each}.jpg" for number in range(count))
    return Embedded(
        embeddings=vectors(count),
        subjects=tuple(name.split("/")[0] for name in names),
        paths=names,
        records=(-1,) * count,
        names=names,
        strata={},
        sha256=tuple(str(number) for number in range(count)),
        origin=ORIGIN,
    )


def small(count: int) -> dict:
    """InsightFace Evaluation Studio 2.1 took 60.3 s and 1,240 MB for 2,000 on another machine (docs/log.md)."""
    these = embedded(count)
    impostor(these)
    started = time.perf_counter()
    report = impostor(these)
    return {
        "comparisons": report.numbers["non-mated comparisons"].value,
        "whole report without its files, s": round(time.perf_counter() - started, 2),
        "peak of the process, MB": machine.peak_memory(),
    }


def folds(count: int) -> float:
    """Seconds for ten folds of `count` mated and as many non-mated pairs."""
    these = embedded(4 * count, each=2)
    pairs = []
    for number in range(count):
        fold, base = 10 * number // count, 4 * number
        pairs.append(Pair(these.names[base], these.names[base + 1], True, fold))
        pairs.append(Pair(these.names[base], these.names[base + 2], False, fold))
    evaluate_pairs(these, pairs, "pairs")
    started = time.perf_counter()
    evaluate_pairs(these, pairs, "pairs")
    return round(time.perf_counter() - started, 3)


if __name__ == "__main__":
    main()
