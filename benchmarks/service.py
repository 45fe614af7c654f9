"""Identification over HTTP against the pipeline alone: LFW's photographs, a gallery of 10,000 subjects.

The bare limit is the same use case (mien.gallery.identify_images) on the same photographs and gallery in one process
without HTTP: all photographs at once, and one after the other, which is all that a single client asks for. The
service runs in a process of its own; its clients, threads with keep-alive connections, share the machine with it, as
they would not elsewhere. Each load is repeated with one worker and with two, in turns. Says requests per second, p50,
p95 and p99 in milliseconds, errors, the service's memory before and after, and the processor time per request, which
other work on the machine changes less.

    python benchmarks/service.py [--seconds 60] [--subjects 10000] [--clients 1 8 32] [--workers 1 2]
"""

import http.client
import itertools
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import command
import inputs
from mien.cli import IDLE_THREADS, ONE_THREAD
from mien.freed_memory import THREAD_BLOCKS, TUNABLES
from mien.gallery.gallery import Gallery
from mien.gallery.identification import identify_images
from mien.gallery.records import NewTemplate
from mien.gallery.thresholds import threshold_for
from mien.models import store
from mien.models.defaults import package_file
from mien.pipeline import bytes_item, open_pipeline

CARD = store.load("dlib-resnet").card
PHOTOGRAPHS, BLOCK = 200, 20_000


@dataclass(slots=True)
class Load:
    """What clients saw."""

    milliseconds: list[float] = field(default_factory=list)
    errors: int = 0
    answers: dict[int, set[str]] = field(default_factory=dict)
    """Who was found in each photograph."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of each load")
    parser.add_argument("--subjects", type=int, default=10_000, help="of the gallery")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "WORKERS"), help="be the service")
    parser.add_argument("--alone", metavar="FOLDER", help="be the pipeline without the service")
    given = parser.parse_args()
    command.need_package("fastapi", "serve")
    if given.serve:
        serve(Path(given.serve[0]), int(given.serve[1]))
    elif given.alone:
        alone(Path(given.alone), given.seconds, given.smoke)
    else:
        if given.smoke:
            given.seconds, given.subjects, given.clients, given.workers = 0.5, 50, [2], [1]
        measure(given.seconds, given.subjects, list(itertools.product(given.clients, given.workers)), given.smoke)


def measure(seconds: float, subjects: int, loads: list[tuple[int, int]], smoke: bool) -> None:
    """Loads are numbers of clients and of workers."""
    bodies = [multipart(data) for data in photographs(smoke)]
    flag = ["--smoke"] if smoke else []
    # As the command `mien serve` sets them; both children inherit them.
    os.environ.setdefault(*IDLE_THREADS)
    os.environ.setdefault(*ONE_THREAD)
    os.environ.setdefault(TUNABLES, f"{THREAD_BLOCKS}=0")
    with tempfile.TemporaryDirectory() as folder:
        gallery = make_gallery(Path(folder), subjects)
        bare = command.in_process(__file__, "--alone", folder, "--seconds", seconds, *flag)
        rows: list[dict] = []
        answers: dict[int, set[str]] = {}
        for count, workers in loads:
            with Service(Path(folder), workers) as service:
                service.load(gallery, bodies, workers, min(seconds, 5))
                before, processor = service.memory(), service.processor()
                began = time.perf_counter()
                found = service.load(gallery, bodies, count, seconds)
                rate = len(found.milliseconds) / (time.perf_counter() - began)
                spent = (service.processor() - processor) / max(1, len(found.milliseconds))
                for photograph, seen in found.answers.items():
                    answers.setdefault(photograph, set()).update(seen)
                rows.append(row(count, workers, rate, found, before, service.memory(), bare, spent))
                print(json.dumps(rows[-1]), file=sys.stderr)
    result = {"subjects": subjects, "pipeline alone": bare, "service": rows, "two workers against one": against(rows)}
    differing = sum(len(seen) > 1 for seen in answers.values())
    command.finish("service", result | {"photographs that had different answers": differing}, smoke=smoke)


def against(rows: list[dict]) -> dict[str, float]:
    """Requests per second of two workers over those of one, by clients."""
    rates = {(one["clients"], one["workers"]): one["per second"] for one in rows}
    return {
        f"{clients} clients": round(rate / rates[clients, 1], 2)
        for (clients, workers), rate in rates.items()
        if workers == 2 and (clients, 1) in rates
    }


def row(
    count: int, workers: int, rate: float, found: Load, before: int, after: int, bare: dict, spent: float
) -> dict:
    p50, p95, p99 = np.quantile(found.milliseconds, (0.5, 0.95, 0.99))
    return {
        "clients": count,
        "workers": workers,
        "per second": round(rate, 2),
        "of the pipeline alone": round(rate / bare["per second"], 3),
        "of the pipeline alone, one after the other": round(rate / bare["one after the other, per second"], 3),
        "processor ms per request": round(1000 * spent, 1),
        "processor time of the pipeline alone, over it": round(bare["processor ms per image"] / (1000 * spent), 3),
        "p50, p95, p99 in ms": [round(float(value), 1) for value in (p50, p95, p99)],
        "errors": found.errors,
        "memory before and after in MB": [before, after],
    }


def photographs(smoke: bool) -> list[bytes]:
    """LFW's first photographs, or two portraits of packages."""
    if smoke:
        names = (("scikit-image", "skimage/data/astronaut.png"),)
        names += (("matplotlib", "matplotlib/mpl-data/sample_data/grace_hopper.jpg"),)
        return [package_file(*name).read_bytes() for name in names]
    with tarfile.open(inputs.need(inputs.DATA / "lfw" / "lfw-deepfunneled.tar")) as archive:
        files = (archive.extractfile(member) for member in archive if member.name.endswith(".jpg"))
        return [file.read() for file in itertools.islice(files, PHOTOGRAPHS) if file is not None]


def vectors_of(subjects: int) -> Iterator[tuple[int, np.ndarray]]:
    """The embeddings of random people in blocks, with the number of the first one of each.

    Their numbers are spread as those of LFW's people are (0.115).
    """
    for start in range(0, subjects, BLOCK):
        count = min(BLOCK, subjects - start)
        yield start, np.random.default_rng(start).normal(0, 0.115, (count, 128)).astype(np.float32)


def make_gallery(folder: Path, subjects: int, name: str = "made") -> str:
    """A gallery of random people; gives its id."""
    (folder / "galleries").mkdir(exist_ok=True)
    opened = Gallery.create(folder / "galleries" / f"{name}.gallery", CARD)
    for start, block in vectors_of(subjects):
        people = enumerate(block, start)
        opened.store.add([NewTemplate(f"p{n:06d}", f"sha-{n}", vector, None) for n, vector in people])
    threshold_for(opened.store, CARD, 1e-4)
    found = opened.store.id
    opened.close()
    return found


def alone(folder: Path, seconds: float, smoke: bool) -> None:
    """The use case in a loop, without HTTP."""
    gallery = Gallery.open(folder / "galleries" / "made.gallery", CARD)
    pipeline = open_pipeline(many=True)
    items = [bytes_item(str(number), data) for number, data in enumerate(photographs(smoke))]
    threshold = threshold_for(gallery.store, CARD, 1e-4)
    list(identify_images(gallery, items[:16], pipeline, threshold))
    done, faces, began, processor = 0, 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        for one in identify_images(gallery, items, pipeline, threshold):
            done, faces = done + 1, faces + len(one.faces)
            if time.perf_counter() - began >= seconds:
                break
    took, spent = time.perf_counter() - began, time.process_time() - processor
    rates = {"per second": round(done / took, 2), "processor ms per image": round(1000 * spent / done, 1)}
    single, began, processor = 0, time.perf_counter(), time.process_time()
    for one in itertools.cycle(items):
        if time.perf_counter() - began >= seconds:
            break
        list(identify_images(gallery, [one], pipeline, threshold))
        single += 1
    took, spent = time.perf_counter() - began, time.process_time() - processor
    gallery.close()
    rates["one after the other, per second"] = round(single / took, 2)
    rates["one after the other, processor ms per image"] = round(1000 * spent / single, 1)
    print(json.dumps({**rates, "faces per image": round(faces / done, 2)}))


def serve(folder: Path, workers: int) -> None:
    from mien.service.config import ServiceConfig
    from mien.service.serving import serve as serve_until_stopped

    config = ServiceConfig(folder=folder, port=0, workers=workers)
    serve_until_stopped(config, lambda address: print(address, flush=True))


def multipart(data: bytes) -> bytes:
    head = b'--xyz\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    return head + data + b"\r\n--xyz--\r\n"


def identify(connection: http.client.HTTPConnection, gallery: str, body: bytes) -> tuple[int, dict]:
    """Ask who somebody is; gives status and answer."""
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    connection.request("POST", f"/v1/galleries/{gallery}/identify", body, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def proportional(process: str) -> int:
    """Bytes of memory of a process; what it shares counts in parts."""
    lines = (Path("/proc") / process / "smaps_rollup").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])


class Service:
    """A service in a process of its own, and those of its workers."""

    def __init__(self, folder: Path, workers: int = 1) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(folder), str(workers)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self._host, _, port = self._process.stdout.readline().strip().removeprefix("http://").partition(":")
        self._port = int(port)

    def connect(self) -> http.client.HTTPConnection:
        """A connection that is kept alive."""
        return http.client.HTTPConnection(self._host, self._port, timeout=120)

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def memory(self) -> int:
        """MB that all its processes have for themselves, and their share of what they have together."""
        return round(sum(proportional(one) for one in self._processes()) / 2**20)

    def processor(self) -> float:
        """Seconds of processor time so far."""
        ticks = 0
        for one in self._processes():
            fields = (Path("/proc") / one / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def _processes(self) -> list[str]:
        found = [str(self._process.pid)]
        for one in found:
            found += (Path("/proc") / one / "task" / one / "children").read_text().split()
        return found

    def load(self, gallery: str, bodies: list[bytes], count: int, seconds: float) -> Load:
        """Clients that ask one after the other, all at once."""
        found, until = Load(), time.perf_counter() + seconds
        threads = [
            threading.Thread(target=self._ask, args=(gallery, bodies, number * 7, until, found))
            for number in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def _ask(self, gallery: str, bodies: list[bytes], first: int, until: float, found: Load) -> None:
        connection = self.connect()
        for number in itertools.count(first):
            began = time.perf_counter()
            if began >= until:
                break
            body = bodies[number % len(bodies)]
            status, content = identify(connection, gallery, body)
            found.milliseconds.append(1000 * (time.perf_counter() - began))
            found.errors += status != 200 or not content["faces"]
            found.answers.setdefault(number % len(bodies), set()).add(json.dumps(content.get("faces")))
        connection.close()


if __name__ == "__main__":
    main()
