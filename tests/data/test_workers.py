"""Processes that work for preparation."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from threadpoolctl import threadpool_info

from mien.data import workers
from mien.data.workers import ordered
from mien.errors import WorkerError


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


def threads(item: int) -> tuple[int, int]:
    """Of OpenCV, and of the libraries that NumPy computes with."""
    return cv2.getNumThreads(), max((one["num_threads"] for one in threadpool_info()), default=1)


def test_each_process_computes_in_one_thread() -> None:
    assert list(ordered(threads, range(2), 2)) == [(1, 1)] * 2


def test_a_cluster_that_loses_a_process_again_and_again_is_a_sentence_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")
    lost = [ray.exceptions.WorkerCrashedError(), ray.exceptions.OutOfMemoryError("too much")]
    for reason in lost:
        monkeypatch.setattr(ray, "get", _raiser(reason))
        with pytest.raises(
            WorkerError, match=rf"auto lost a process .*{type(reason).__name__}.*run the same command"
        ):
            workers._fetch(object(), "auto")


def test_what_the_function_itself_raises_on_a_cluster_comes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")
    own = ray.exceptions.RayTaskError("work", "a bad item", ValueError("a bad item")).as_instanceof_cause()
    monkeypatch.setattr(ray, "get", _raiser(own))
    with pytest.raises(ValueError, match="a bad item"):
        workers._fetch(object(), "auto")


def _raiser(reason: Exception) -> Callable[[object], object]:
    def get(_: object) -> object:
        raise reason

    return get


def test_results_come_in_order_whoever_works() -> None:
    items = list(range(20, 0, -1))
    assert list(ordered(str, items, 1)) == list(ordered(str, items, 2)) == [str(item) for item in items]
