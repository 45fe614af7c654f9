"""Erasure: is anything left of subjects who are erased from an encrypted gallery under load?

People are made up: random vectors of 512 numbers, random bytes as portraits, random names. One process makes the
gallery and a backup. Another one opens it, searches with 8 threads and erases a tenth of the subjects meanwhile. Then
files and memory of that process are scanned for the vectors of the erased (32 and 16 bits, the index's 8 bits,
base64), their portraits, names and encrypted keys, and for those of subjects who stayed, to show that the scan finds
what is there. At last the time of an erasure in a large gallery with 8 threads that search, and how long a plain and
an encrypted gallery of the same people take to open and to search.

    python benchmarks/erasure.py [--subjects 1000] [--large 100000] [--erase 100]
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import command
from mien.freed_memory import overwrite_small_blocks, overwrite_when_freed
from mien.gallery.backups import backup_gallery
from mien.gallery.gallery import Gallery
from mien.gallery.indexes import INDEXES, IndexKind
from mien.gallery.indexes.quantized import QuantizedIndex, _Coder
from mien.gallery.records import Identity, NewTemplate, Portrait
from mien.gallery.stores import create_store, open_store
from mien.gallery.stores.key_file import ID, SLOT, WRAPPED, key_path

DIMENSION, THREADS = 512, 8
PART, OVERLAP = 16 << 20, 64
"""Bytes of a core file that are read at once, and how many of the next ones come along."""
IDENTITY = Identity("benchmark", "synthetic", "cosine", DIMENSION)


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--erase", type=int, default=100)
    parser.add_argument("--make", nargs=2, metavar=("GALLERY", "SUBJECTS"))
    parser.add_argument("--work", nargs=3, metavar=("GALLERY", "SUBJECTS", "ERASE"))
    given = parser.parse_args()
    if find_spec("cryptography") is None:
        print("erasure is measured on encrypted galleries, which need cryptography", file=sys.stderr)
        sys.exit(command.SKIPPED)
    if "MIEN_PLAIN" not in os.environ:
        os.environ["MIEN_MASTER_KEY"] = "5a" * 32
    if given.make:
        make(Path(given.make[0]), int(given.make[1]))
    elif given.work:
        work(Path(given.work[0]), int(given.work[1]), int(given.work[2]))
    else:
        small, large, erase = (60, 200, 6) if given.smoke else (given.subjects, given.large, given.erase)
        result = {"scan": run(small, erase, scan=True)}
        if not given.smoke:
            # The same without the scan.
            result["time"] = run(large, erase, scan=False)
        result["plain and encrypted"] = opening(large)
        command.finish("erasure", result, smoke=given.smoke)


def person(number: int) -> NewTemplate:
    """One subject, the same each time."""
    generator = np.random.default_rng(number)
    vector = generator.standard_normal(DIMENSION).astype(np.float32)
    vector /= np.linalg.norm(vector)
    name = hashlib.sha256(f"name {number}".encode()).hexdigest()[:24]
    portrait = Portrait(generator.bytes(2000), np.zeros((5, 2), np.float32))
    return NewTemplate(name, f"sha-{number}", vector, portrait, source=f"{name}.jpg")


def make(path: Path, subjects: int) -> None:
    store = create_store(path, IDENTITY)
    for start in range(0, subjects, 2000):
        store.add([person(number) for number in range(start, min(subjects, start + 2000))])
    store.erase_traces()
    store.close()


def work(path: Path, subjects: int, erase: int) -> None:
    """Search and erase; then wait, with the index in memory, until the caller has looked at it."""
    overwrite_when_freed()
    exact, fetch = INDEXES["exact"], open_store(path).embeddings
    if subjects <= 20_000:
        # The index of large galleries, so that its codes are looked for too.
        INDEXES["exact"] = IndexKind(lambda *about: QuantizedIndex(*about[:3], fetch), exact.capacity)
    gallery = Gallery.open(path)
    ids = [row.id for row in gallery.subjects()][: 2 * erase : 2]
    gallery.search(np.eye(1, DIMENSION, dtype=np.float32), 5)
    stop, searches = threading.Event(), [0] * THREADS

    def search(number: int) -> None:
        generator = np.random.default_rng(number)
        while not stop.is_set():
            gallery.search(generator.standard_normal((1, DIMENSION), np.float32), 5)
            searches[number] += 1

    threads = [threading.Thread(target=search, args=(number,)) for number in range(THREADS)]
    for one in threads:
        one.start()
    times, answers = [], []
    for subject in ids:
        started = time.perf_counter()
        answers.append(gallery.remove(subject))
        times.append(1000 * (time.perf_counter() - started))
    stop.set()
    for one in threads:
        one.join()
    value = {
        "erased": len(ids),
        "keys erased": sum(one.keys == "erased" for one in answers),
        "log pending": sum(one.log == "pending" for one in answers),
        "p50, ms": round(float(np.median(times)), 1),
        "p99, ms": round(float(np.percentile(times, 99)), 1),
        "searches meanwhile": sum(searches),
    }
    # As the service does after each erasure.
    overwrite_small_blocks()
    print(json.dumps(value), flush=True)
    sys.stdin.read()
    gallery.close()


def run(subjects: int, erase: int, *, scan: bool) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        path = folder / "people.gallery"
        environment = {**os.environ, "TMPDIR": scratch}
        subprocess.run([sys.executable, __file__, "--make", str(path), str(subjects)], env=environment, check=True)
        backup_gallery(path, folder / "people.backup")
        everybody = {row.name: row.id for row in open_store(path).subjects()}
        gone = list(everybody)[: 2 * erase : 2]
        kept = list(everybody)[1 : 2 * erase : 2]
        wrapped = keys_in(key_path(path))
        worker = subprocess.Popen(
            [sys.executable, __file__, "--work", str(path), str(subjects), str(erase)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert worker.stdin is not None and worker.stdout is not None
        value = {"subjects": subjects, **json.loads(worker.stdout.readline())}
        if scan:
            people = [person(number) for number in range(subjects)]
            # As the index chooses it, from the vectors that it is built of.
            scale = _Coder(np.array([one.embedding for one in people])).scale
            sought = {one.subject: one for one in people if one.subject in {*gone, *kept}}
            needles = {name: needles_of(one, wrapped[everybody[name]], scale) for name, one in sought.items()}
            value["left of the erased, files"] = left([*file_data(folder)], needles, gone)
            value["left of the erased, memory"] = left([*memory_of(worker.pid)], needles, gone)
            value["found of those who stayed, files"] = left([*file_data(folder)], needles, kept)
            value["found of those who stayed, memory"] = left([*memory_of(worker.pid)], needles, kept)
        worker.communicate("")
        return value


def opening(subjects: int, rounds: int = 3) -> dict:
    """Opening a gallery with its index, and a search: the best of some rounds, plain and encrypted in turn."""
    best: dict[str, list[float]] = {"plain": [np.inf, np.inf], "encrypted": [np.inf, np.inf]}
    with tempfile.TemporaryDirectory() as scratch:
        for kind in best:
            environment = dict(os.environ) | ({"MIEN_PLAIN": "1"} if kind == "plain" else {})
            command_line = [sys.executable, __file__, "--make", f"{scratch}/{kind}.gallery", str(subjects)]
            subprocess.run(command_line, env=environment, check=True)
        probes = np.random.default_rng(1).standard_normal((20, 1, DIMENSION)).astype(np.float32)
        for _ in range(rounds):
            for kind, times in best.items():
                started = time.perf_counter()
                gallery = Gallery.open(f"{scratch}/{kind}.gallery")
                gallery.search(probes[0], 5)
                times[0] = min(times[0], time.perf_counter() - started)
                for probe in probes:
                    started = time.perf_counter()
                    gallery.search(probe, 5)
                    times[1] = min(times[1], time.perf_counter() - started)
                gallery.close()
    (plain_open, plain_search), (sealed_open, sealed_search) = best.values()
    return {
        "templates": subjects,
        "open, s": [round(plain_open, 3), round(sealed_open, 3)],
        "open, ratio": round(sealed_open / plain_open, 2),
        "search, ms": [round(1000 * plain_search, 2), round(1000 * sealed_search, 2)],
        "search, ratio": round(sealed_search / plain_search, 2),
    }


def keys_in(path: Path) -> dict[str, bytes]:
    data = path.read_bytes()
    slots = (data[place : place + SLOT] for place in range(0, len(data), SLOT))
    return {slot[:ID].hex(): slot[WRAPPED] for slot in slots}


def needles_of(one: NewTemplate, wrapped: bytes, scale: float) -> dict[str, bytes]:
    """What is looked for of a subject, by its kind: 24 bytes of each."""
    vector = one.embedding
    assert one.portrait is not None
    return {
        "vector, 32 bits": vector.tobytes()[:24],
        "vector, 16 bits": vector.astype(np.float16).tobytes()[:24],
        "vector, 8 bits": (np.rint(vector * np.float32(scale)) + 128).astype(np.uint8).tobytes()[:24],
        "vector, base64": base64.b64encode(vector.tobytes())[:24],
        "portrait": one.portrait.jpeg[:24],
        "name": one.subject.encode(),
        "encrypted key": wrapped[:24],
    }


def left(blocks: list[bytes], needles: dict[str, dict[str, bytes]], names: list[str]) -> dict[str, int]:
    """How many of the subjects something is found of, by what is found."""
    return counted(found_in(blocks, {name: needles[name] for name in names}), needles, names)


def counted(found: set[tuple[str, str]], needles: dict[str, dict[str, bytes]], names: list[str]) -> dict[str, int]:
    """How many of some subjects something was found of, by what was found."""
    return {kind: sum((kind, name) in found for name in names) for kind in needles[names[0]]}


def found_in(blocks: list[bytes], needles: dict[str, dict[str, bytes]]) -> set[tuple[str, str]]:
    """What is found, and of whom; all subjects in one pass."""
    sought: dict[int, list[tuple[str, str, bytes]]] = {}
    for name, known in needles.items():
        for kind, needle in known.items():
            sought.setdefault(int.from_bytes(needle[:8], "little"), []).append((kind, name, needle))
    heads, found = np.array(sorted(sought), np.uint64), set()
    begins = np.zeros(1 << 16, bool)
    begins[heads & np.uint64(0xFFFF)] = True
    for data in blocks:
        for shift in range(8):
            words = np.frombuffer(data[: (len(data) - shift) // 8 * 8 + shift], np.uint8)[shift:].view(np.uint64)
            # Two bytes rule out nearly all places at once.
            likely = np.flatnonzero(begins[words.astype(np.uint16)])
            for place in likely[np.isin(words[likely], heads)]:
                start = int(place) * 8 + shift
                for kind, name, needle in sought[int(words[place])]:
                    if data[start : start + len(needle)] == needle:
                        found.add((kind, name))
    return found


def file_data(folder: Path) -> Iterator[bytes]:
    yield from (path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def core_of(process: int) -> tuple[str, list[bytes]]:
    """How the memory of a process was read, and what it held: a core file, or what such a file would hold."""
    if shutil.which("gcore") is None:
        return "/proc/PID/mem, all pages that the process can write", [*memory_of(process)]
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            ["gcore", "-o", f"{folder}/core", str(process)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        path = Path(folder) / f"core.{process}"
        if made.returncode or not path.exists():
            return "/proc/PID/mem, all pages that the process can write", [*memory_of(process)]
        return "a core file by gcore", [*_parts(path)]


def _parts(path: Path) -> Iterator[bytes]:
    """The parts of a file that are not zeros, each with the beginning of the next one."""
    with path.open("rb") as file:
        for start in range(0, path.stat().st_size, PART):
            file.seek(start)
            data = file.read(PART + OVERLAP)
            if data.strip(b"\0"):
                yield data


def memory_of(process: int) -> Iterator[bytes]:
    """What a core file would hold: every page that the process can write."""
    with Path(f"/proc/{process}/mem").open("rb") as memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            places, rights, *_ = line.split()
            start, end = (int(place, 16) for place in places.split("-"))
            if "w" not in rights or end - start > 4 << 30:
                continue
            try:
                memory.seek(start)
                yield memory.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue


if __name__ == "__main__":
    main()
