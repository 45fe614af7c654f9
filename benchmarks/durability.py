"""Durability of enrolment: how many acknowledged enrolments are lost when `mien enrol` is killed with -9?

Each run enrols a folder with `mien enrol --json`, whose lines are acknowledgements, and is killed after a random
time. Then the gallery is opened and every acknowledged sample is looked up. All runs use the same gallery, so that
recovery is tested too; each run has new subjects.

    python benchmarks/durability.py [--runs 20]
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import command
import inputs
from mien.gallery.stores.sqlite import SqliteStore


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--runs", type=int, default=20)
    given = parser.parse_args()
    runs = 2 if given.smoke else given.runs
    generator = random.Random(3)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = deal(Path(scratch), runs, smoke=given.smoke)
        gallery = Path(scratch) / "people.gallery"
        acknowledged: dict[tuple[str, str], Path] = {}
        for folder in folders:
            wait = generator.uniform(0.8, 4.0)
            rows.append(one_run(gallery, folder, wait, acknowledged))
    lost = sum(row["lost"] for row in rows)
    result = {"runs": runs, "acknowledged": len(acknowledged), "lost": lost, "each": rows}
    command.finish("durability", result, smoke=given.smoke)
    sys.exit(1 if lost else 0)


def deal(scratch: Path, runs: int, *, smoke: bool) -> list[Path]:
    """One folder per run, with up to 200 subjects with one image each."""
    paths = inputs.lfw(scratch / "lfw", smoke=smoke, people=20, images=1)
    first = [path for path in paths if path.stem.endswith("_0001")][: 200 * runs]
    folders = [scratch / f"run-{number}" for number in range(runs)]
    for number, path in enumerate(first):
        place = folders[number % runs] / path.parent.name
        place.mkdir(parents=True)
        shutil.copy(path, place)
    return folders


def one_run(gallery: Path, folder: Path, wait: float, acknowledged: dict) -> dict:
    command = [sys.executable, "-m", "mien", "enrol", str(gallery), str(folder), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGKILL)
    output, _ = process.communicate()
    lines = output.decode().splitlines(keepends=True)
    seen = 0
    for line in lines:
        if not line.endswith("\n"):
            continue  # the kill cut this acknowledgement off
        value = json.loads(line)
        if value.get("status") == "enrolled":
            digest = hashlib.sha256(Path(value["path"]).read_bytes()).hexdigest()
            acknowledged[value["subject"], digest] = Path(value["path"])
            seen += 1
    lost = 0
    if acknowledged:
        store = SqliteStore.open(gallery)
        ids = {row.name: row.id for row in store.subjects()}
        lost = sum(not store.has_source(ids.get(name, ""), digest) for name, digest in acknowledged)
        store.close()
    return {
        "killed after, s": round(wait, 2),
        "finished": process.returncode == 0,
        "acknowledged": seen,
        "lost": lost,
    }


if __name__ == "__main__":
    main()
