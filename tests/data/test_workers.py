"""Processes that work for preparation."""

import subprocess
import sys
import time
from pathlib import Path

from mien.data.workers import ordered


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(
        "import os, sys, time\nfrom mien.data.workers import ordered\n"
        "def pid(x): time.sleep(0.05); return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    for p in ordered(pid, range(10**6), 2): print(p, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and _runs(worker):
        time.sleep(0.1)
    assert not _runs(worker)


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def test_results_come_in_order_whoever_works() -> None:
    items = list(range(20, 0, -1))
    assert list(ordered(str, items, 1)) == list(ordered(str, items, 2)) == [str(item) for item in items]
