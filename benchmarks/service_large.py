"""Large galleries over HTTP: what a search adds to a request, how long an erasure takes, what encryption costs.

LFW's photographs and galleries of random people, in a service in a process of its own. Each figure is one part:

search      one client asks who is in a photograph, in turns in a gallery of one person and in one of 1,000,000: what
            the second one takes longer, photograph by photograph; its best candidates have to be those of an exact
            search of all vectors, which is made here.
erasure     100 people of an encrypted gallery of 100,000 are erased one after the other while 8 clients identify.
encryption  a plain and an encrypted gallery of 100,000: seconds from the start of the service to the first answer,
            and p50 of the answers after it, in turns.

    python benchmarks/service_large.py [--subjects 1000000] [--large 100000] [--requests 200] [--erase 100]
"""

import argparse
import http.client
import json
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import command
import service
from mien.cli import IDLE_THREADS, ONE_THREAD
from mien.freed_memory import THREAD_BLOCKS, TUNABLES
from mien.gallery.stores import open_store

CLIENTS, CANDIDATES = 8, 5
KEY = "MIEN_MASTER_KEY"


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--subjects", type=int, default=1_000_000, help="of the searched gallery")
    parser.add_argument("--large", type=int, default=100_000, help="subjects of the other galleries")
    parser.add_argument("--requests", type=int, default=200, help="of one client in each gallery")
    parser.add_argument("--erase", type=int, default=100, help="people")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    command.need_package("fastapi", "serve")
    command.need_package("cryptography", "serve")
    if given.smoke:
        given.subjects, given.large, given.requests, given.erase = 300, 200, 2, 2
    os.environ.setdefault(*IDLE_THREADS)
    os.environ.setdefault(*ONE_THREAD)
    os.environ.setdefault(TUNABLES, f"{THREAD_BLOCKS}=0")
    os.environ.pop(KEY, None)
    bodies = [service.multipart(data) for data in service.photographs(given.smoke)]
    command.finish("service_large", {name: PARTS[name](given, bodies) for name in given.parts}, smoke=given.smoke)


def search(given: argparse.Namespace, bodies: list[bytes]) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        small = service.make_gallery(folder, 1, "small")
        large = service.make_gallery(folder, given.subjects, "large")
        with service.Service(folder) as served:
            client, added, answers = served.connect(), [], []
            # The index is built by the first search.
            for gallery in (small, large):
                service.identify(client, gallery, bodies[0])
            for number in range(given.requests):
                body = bodies[number % len(bodies)]
                times = []
                for gallery in (small, large):
                    began = time.perf_counter()
                    status, content = service.identify(client, gallery, body)
                    times.append(1000 * (time.perf_counter() - began))
                    assert status == 200, content
                added.append(times[1] - times[0])
                answers.append(content["faces"][0]["candidates"])
            queries = np.array([first_face(client, bodies[n % len(bodies)]) for n in range(min(given.requests, 50))])
            memory = served.memory()
    equal = sum(
        [one["name"] for one in found] == names
        for found, names in zip(answers, exact(queries, given.subjects), strict=False)
    )
    p50, p95 = np.quantile(added, (0.5, 0.95))
    return {
        "subjects": given.subjects,
        "requests": given.requests,
        "added by the search, p50 and p95 in ms": [round(float(p50), 1), round(float(p95), 1)],
        "best candidates equal to exact": f"{equal} of {len(queries)}",
        "memory of the service in MB": memory,
    }


def first_face(client: http.client.HTTPConnection, body: bytes) -> list[float]:
    """The embedding of the best face of a photograph, as the service computes it."""
    client.request("POST", "/v1/embed", body, {"Content-Type": "multipart/form-data; boundary=xyz"})
    content = json.loads(client.getresponse().read())
    return list(content["faces"][0]["embedding"])


def exact(queries: np.ndarray, subjects: int) -> list[list[str]]:
    """The nearest people of each query, by the distances to all of them."""
    best: list[list[tuple[float, int]]] = [[] for _ in queries]
    for start, block in service.vectors_of(subjects):
        squares = (block**2).sum(1)[None] - 2 * queries.astype(np.float32) @ block.T
        for own, row in zip(best, squares, strict=True):
            nearest = np.argsort(row)[:CANDIDATES]
            own += [(float(row[place]), start + int(place)) for place in nearest]
    return [[f"p{number:06d}" for _, number in sorted(own)[:CANDIDATES]] for own in best]


def erasure(given: argparse.Namespace, bodies: list[bytes]) -> dict:
    os.environ[KEY] = "5a" * 32
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            gallery = service.make_gallery(folder, given.large)
            store = open_store(folder / "galleries" / "made.gallery")
            gone = [row.id for row in store.subjects()][: 2 * given.erase : 2]
            store.close()
            with service.Service(folder) as served:
                service.identify(served.connect(), gallery, bodies[0])
                return {"subjects": given.large, "clients": CLIENTS, **erase(served, gallery, bodies, gone)}
    finally:
        del os.environ[KEY]


def erase(served: service.Service, gallery: str, bodies: list[bytes], gone: list[str]) -> dict:
    """Erase people while clients identify."""
    stop, found = threading.Event(), service.Load()

    def ask(number: int) -> None:
        client = served.connect()
        while not stop.is_set():
            status, _ = service.identify(client, gallery, bodies[number % len(bodies)])
            found.milliseconds.append(0)
            found.errors += status != 200
            number += 1

    threads = [threading.Thread(target=ask, args=(7 * number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    client, times, answers = served.connect(), [], []
    for subject in gone:
        began = time.perf_counter()
        client.request("DELETE", f"/v1/galleries/{gallery}/subjects/{subject}")
        answer = client.getresponse()
        answers.append(json.loads(answer.read()))
        times.append(1000 * (time.perf_counter() - began))
        assert answer.status == 200, answers[-1]
    stop.set()
    for thread in threads:
        thread.join()
    p50, p99 = np.quantile(times, (0.5, 0.99))
    return {
        "erased": len(gone),
        "p50 and p99 in ms": [round(float(p50), 1), round(float(p99), 1)],
        "keys erased": sum(one["keys"] == "erased" for one in answers),
        "log pending": sum(one["log"] == "pending" for one in answers),
        "identified meanwhile": len(found.milliseconds),
        "errors": found.errors,
    }


def encryption(given: argparse.Namespace, bodies: list[bytes], rounds: int = 3) -> dict:
    best = {"plain": [np.inf, np.inf], "encrypted": [np.inf, np.inf]}
    with tempfile.TemporaryDirectory() as scratch:
        made = {}
        for turn in range(1 if given.smoke else rounds):
            for kind, values in best.items():
                if kind == "encrypted":
                    os.environ[KEY] = "5a" * 32
                folder = Path(scratch) / kind
                if not turn:
                    folder.mkdir()
                    made[kind] = service.make_gallery(folder, given.large)
                values[:] = np.minimum(values, start_and_ask(folder, made[kind], bodies, given.requests))
                os.environ.pop(KEY, None)
    (plain_start, plain_answer), (sealed_start, sealed_answer) = best.values()
    return {
        "subjects": given.large,
        "plain and encrypted, start to first answer in s": [round(plain_start, 2), round(sealed_start, 2)],
        "ratio of the starts": round(sealed_start / plain_start, 2),
        "plain and encrypted, p50 of an answer in ms": [round(plain_answer, 1), round(sealed_answer, 1)],
        "ratio of the answers": round(sealed_answer / plain_answer, 2),
    }


def start_and_ask(folder: Path, gallery: str, bodies: list[bytes], requests: int) -> tuple[float, float]:
    """Seconds from the start of a service to its first answer, and p50 of the next answers in milliseconds."""
    began = time.perf_counter()
    with service.Service(folder) as served:
        client = served.connect()
        service.identify(client, gallery, bodies[0])
        started, times = time.perf_counter() - began, []
        for number in range(requests):
            began = time.perf_counter()
            service.identify(client, gallery, bodies[number % len(bodies)])
            times.append(1000 * (time.perf_counter() - began))
    return started, float(np.median(times))


PARTS = {"search": search, "erasure": erasure, "encryption": encryption}

if __name__ == "__main__":
    main()
