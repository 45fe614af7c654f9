"""Enrolment durability: kill -9 at random moments; how many acknowledged enrolments are lost?

Each run enrols a folder with `mien enrol --json`, whose lines are acknowledgements, and is killed after a random
time. Then the gallery is opened and every acknowledged sample is looked up. The runs go on with the same gallery, so
that recovery is part of it; each run has new subjects.

    python benchmarks/durability.py [--runs 20]
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import machine
from mien.gallery.stores.sqlite import SqliteStore


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    generator = random.Random(3)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = deal(Path(scratch), runs)
        gallery = Path(scratch) / "people.gallery"
        acknowledged: dict[tuple[str, str], Path] = {}
        for folder in folders:
            wait = generator.uniform(0.8, 4.0)
            rows.append(one_run(gallery, folder, wait, acknowledged))
    lost = sum(row["lost"] for row in rows)
    machine.write("durability", {"runs": runs, "acknowledged": len(acknowledged), "lost": lost, "each": rows})
    sys.exit(1 if lost else 0)


def deal(scratch: Path, runs: int) -> list[Path]:
    """A folder of 200 subjects with one image each for every run."""
    with tarfile.open(machine.need(machine.DATA / "lfw" / "lfw-deepfunneled.tar")) as tar:
        members = [member for member in tar if member.name.endswith("_0001.jpg")]
        tar.extractall(scratch / "lfw", members[: 200 * runs], filter="data")
    folders = [scratch / f"run-{number}" for number in range(runs)]
    for number, path in enumerate(sorted((scratch / "lfw").rglob("*.jpg"))):
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
        lost = sum(not store.has_source(*key) for key in acknowledged)
        store.close()
    return {
        "killed after, s": round(wait, 2),
        "finished": process.returncode == 0,
        "acknowledged": seen,
        "lost": lost,
    }


if __name__ == "__main__":
    main()
