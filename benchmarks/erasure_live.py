"""Erasure in a live service: is anything left of erased subjects in its files, logs, temporary folders or memory?

`mien serve` runs with a master key, its log as JSON, and a temporary folder of its own. Its gallery has made-up
people (random vectors and portraits) and one who is enrolled over HTTP with a photograph. While clients identify
and list subjects, a tenth of the people are erased over HTTP. Then everything that the service has written, and the
memory of its process in a core file (by gcore, or read from /proc where that is not installed), is scanned for
vectors (32 and 16 bits, the 8 bits of large indexes, base64), portraits, names, encrypted keys, and the photograph;
and for those of people who stayed, to show that the scan finds what is there.

    python benchmarks/erasure_live.py [--subjects 1000] [--erase 100]
"""

import base64
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

import command
import erasure
import service
from mien.client import Client
from mien.gallery.gallery import Gallery
from mien.gallery.indexes.quantized import _Coder
from mien.gallery.records import NewTemplate
from mien.gallery.stores import open_store
from mien.gallery.stores.key_file import key_path
from mien.models.defaults import package_file

KEY, CLIENTS, SETTLED = "5a" * 32, 3, 12.0
"""The last is for how many seconds the service has time to finish what it does by itself every 5 s."""
ENROLLED = "Somebody who is enrolled over HTTP"


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--erase", type=int, default=100)
    given = parser.parse_args()
    command.need_package("fastapi", "serve")
    command.need_package("cryptography", "serve")
    if given.smoke:
        given.subjects, given.erase = 40, 4
    os.environ["MIEN_MASTER_KEY"] = KEY
    command.finish("erasure_live", measure(given.subjects, given.erase), smoke=given.smoke)


def measure(subjects: int, erase: int) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "galleries").mkdir()
        path = folder / "galleries" / "made.gallery"
        people = {one.subject: one for one in map(person, range(subjects))}
        opened = Gallery.create(path, service.CARD)
        opened.store.add(list(people.values()))
        opened.close()
        store = open_store(path)
        gallery, ids = store.id, {row.name: row.id for row in store.subjects()}
        store.close()
        wrapped = erasure.keys_in(key_path(path))
        # As an index of a large gallery would choose it.
        scale = _Coder(np.array([one.embedding for one in people.values()])).scale
        needles = {name: erasure.needles_of(one, wrapped[ids[name]], scale) for name, one in people.items()}
        gone, kept = list(people)[: 2 * erase : 2], list(people)[1 : 2 * erase : 2]
        with served(folder) as (process, address):
            photograph, meanwhile = enrol_and_erase(address, gallery, [ids[name] for name in gone])
            time.sleep(SETTLED)
            files, (way, memory) = [*erasure.file_data(folder)], erasure.core_of(process)
            sought = {name: needles[name] for name in (*gone, *kept)} | photograph
            places = {"files": erasure.found_in(files, sought), "memory": erasure.found_in(memory, sought)}
            log = (folder / "service.log").read_text()
            return {
                "subjects": subjects,
                "erased": len(gone),
                "memory was read from": way,
                **meanwhile,
                **{
                    f"{what}, {place}": erasure.counted(found, sought, names)
                    for what, names in (
                        ("left of the erased", gone),
                        ("left of who was enrolled over HTTP", [ENROLLED]),
                        ("found of those who stayed", kept),
                    )
                    for place, found in places.items()
                },
                "lines of the log": log.count("\n"),
                "temporary files": sum(path.is_file() for path in (folder / "temporary").rglob("*")),
            }


def person(number: int) -> NewTemplate:
    """One made-up subject of the service's recognizer."""
    made = erasure.person(number)
    vector = np.random.default_rng(number).normal(0, 0.06, 128).astype(np.float32)
    return replace(made, embedding=vector)


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, str]]:
    """`mien serve` in a folder; its process and address."""
    temporary = folder / "temporary"
    temporary.mkdir()
    words = ["-m", "mien", "serve", str(folder), "--port", "0", "--log-format", "json"]
    with (folder / "service.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *words],
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        yield process.pid, "http://" + line.partition("http://")[2].split()[0]
    finally:
        process.terminate()
        process.communicate()


def enrol_and_erase(address: str, gallery: str, gone: list[str]) -> tuple[dict[str, dict[str, bytes]], dict]:
    """Enrol somebody, then erase people while clients identify; gives what to look for of who was enrolled."""
    image = package_file("scikit-image", "skimage/data/astronaut.png").read_bytes()
    other = package_file("matplotlib", "matplotlib/mpl-data/sample_data/grace_hopper.jpg").read_bytes()
    stop, identified, faults = threading.Event(), [0] * CLIENTS, [0] * CLIENTS

    def ask(number: int) -> None:
        with Client(address) as client:
            while not stop.is_set():
                try:
                    client.identify(gallery, other)
                    client.list_subjects(gallery, limit=100)
                except Exception:  # noqa: BLE001 - counted
                    faults[number] += 1
                identified[number] += 1

    with Client(address) as client:
        subject = client.create_subject(gallery, ENROLLED)["id"]
        [added] = client.add_samples(gallery, subject, [image])["images"]
        assert added["sample"] is not None, added
        portrait = client.get_portrait(gallery, added["sample"])
        vector = np.array(client.embed(image)["faces"][0]["embedding"], np.float32)
        client.identify(gallery, image)
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for one in [*gone, subject]:
            client.erase_subject(gallery, one)
        stop.set()
        for thread in threads:
            thread.join()
        intact = client.verify_audit_log()["intact"]
    needles = {
        "vector, 32 bits": vector.tobytes()[:24],
        "vector, 16 bits": vector.astype(np.float16).tobytes()[:24],
        "vector, base64": base64.b64encode(vector.tobytes())[:24],
        "portrait": portrait[len(portrait) // 2 :][:24],
        "name": ENROLLED.encode()[:24],
        "photograph": image[len(image) // 2 :][:24],
    }
    meanwhile = {"identified meanwhile": sum(identified), "errors": sum(faults), "audit log intact": intact}
    return {ENROLLED: needles}, meanwhile


if __name__ == "__main__":
    main()
