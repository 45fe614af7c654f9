"""Processes that work for preparation."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
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


def die_once(marker: Path, item: int) -> int:
    """Twice the item; the first time that it is 3, the process is killed while it works."""
    if item == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * item


@pytest.mark.slow
@pytest.mark.fresh_process
def test_what_a_killed_process_of_a_cluster_had_in_hand_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")
    for name, value in (("HOME", str(tmp_path)), ("RAY_USAGE_STATS_ENABLED", "0")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        found = list(ordered(partial(die_once, tmp_path / "killed"), range(12), 1, "auto"))
    finally:
        ray.shutdown()
    assert (tmp_path / "killed").exists()
    assert found == [2 * item for item in range(12)]


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
