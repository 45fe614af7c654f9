"""kill -9 of the service while it writes: is an acknowledged write lost, is somebody who was erased back?

Three clients create subjects, enrol a portrait for some, and erase others, until the service is killed at a random
moment. It is started again, and everything that was acknowledged is looked for: each subject that was made and not
erased, its samples, none that was erased, and a line `done` of the audit log for each acknowledged write. What was in
work at the moment of the kill may have happened or not; then its line `begun` is there.

    python benchmarks/service_kills.py [--kills 20]
"""

import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import command
from mien.client import Client
from mien.errors import MienError
from mien.gallery.audit_log import read_entries
from mien.models.defaults import package_file

WRITERS = 3
WRITES = ("create_gallery", "create_subject", "add_samples", "erase_subject")


class Written:
    """What the service acknowledged."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.samples: dict[str, int] = {}
        self.erased: set[str] = set()
        self.unsure: set[str] = set()
        self.writes = 0


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--kills", type=int, default=20)
    given = parser.parse_args()
    command.need_package("fastapi", "serve")
    portrait = package_file("matplotlib", "matplotlib/mpl-data/sample_data/grace_hopper.jpg").read_bytes()
    generator, written = random.Random(0), Written()
    with tempfile.TemporaryDirectory() as folder:
        process, address = start(Path(folder))
        with Client(address) as client:
            gallery = client.create_gallery("kills")["id"]
        written.writes += 1
        passed = 0
        for _ in range(1 if given.smoke else given.kills):
            write_until_killed(process, address, gallery, written, portrait, generator)
            process, address = start(Path(folder))
            check(Path(folder), address, gallery, written)
            passed += 1
        process.terminate()
        process.wait(30)
    result = {
        "kills after which nothing was lost, nobody was back, and the audit log was intact": passed,
        "acknowledged writes": written.writes,
        "subjects that stay": len(written.samples),
        "subjects that were erased": len(written.erased),
    }
    command.finish("service_kills", result, smoke=given.smoke)


def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    words = [sys.executable, "-m", "mien", "serve", str(folder), "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[3]


def write_until_killed(
    process: subprocess.Popen[str],
    address: str,
    gallery: str,
    written: Written,
    portrait: bytes,
    generator: random.Random,
) -> None:
    threads = [
        threading.Thread(target=write, args=(address, gallery, written, portrait, generator.random()))
        for _ in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(generator.uniform(0.3, 2.0))
    process.send_signal(signal.SIGKILL)
    process.wait()
    for thread in threads:
        thread.join()


def write(address: str, gallery: str, written: Written, portrait: bytes, seed: float) -> None:
    """Write until the service is gone; note what was acknowledged."""
    generator = random.Random(seed)
    with Client(address, retries=0) as client:
        try:
            while True:
                write_once(client, gallery, written, portrait, generator)
        except MienError:
            return


def write_once(client: Client, gallery: str, written: Written, portrait: bytes, generator: random.Random) -> None:
    made = client.create_subject(gallery, f"subject {generator.random()}")["id"]
    with written.lock:
        written.writes += 1
        written.samples[made] = 0
    if generator.random() < 0.3:
        with written.lock:
            written.unsure.add(made)
        added = client.add_samples(gallery, made, [portrait])["added"]
        with written.lock:
            written.writes += 1
            written.samples[made] = added
            written.unsure.discard(made)
    if generator.random() < 0.4:
        with written.lock:
            written.unsure.add(made)
        client.erase_subject(gallery, made)
        with written.lock:
            written.writes += 1
            written.unsure.discard(made)
            del written.samples[made]
            written.erased.add(made)


def check(folder: Path, address: str, gallery: str, written: Written) -> None:
    """Compare what is there with what was acknowledged; exit with a message where they differ."""
    with Client(address, timeout=120) as client:
        found: dict[str, int] = {}
        cursor = None
        while True:
            page = client.list_subjects(gallery, limit=500, cursor=cursor)
            found |= {one["id"]: one["samples"] for one in page["subjects"]}
            cursor = page["next"]
            if cursor is None:
                break
        for subject in list(written.unsure):
            # Cut off in the middle: whatever became of it is what counts from now on.
            written.unsure.discard(subject)
            if subject in found:
                written.samples[subject] = found[subject]
            else:
                del written.samples[subject]
        lost = [one for one, count in written.samples.items() if found.get(one, -1) < count]
        back = [one for one in written.erased if one in found]
        verdict = client.verify_audit_log()
        log = [one for one in read_entries(folder / "audit.log") if one.what in WRITES]
        begun, done = (sum(one.outcome == outcome for one in log) for outcome in ("begun", "done"))
        if lost or back or not verdict["intact"] or not written.writes <= done <= begun:
            counts = f"acknowledged writes: {written.writes}, begun: {begun}, done: {done}"
            sys.exit(f"lost: {lost}, back: {back}, audit log: {verdict}, {counts}")


if __name__ == "__main__":
    main()
