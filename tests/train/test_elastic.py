"""Trainings under torchrun whose processes are killed go on by themselves."""

import os
import subprocess
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from forks import Forked, Forks  # noqa: E402
from mien.train.run import checkpoint  # noqa: E402
from mien.train.run.journal import read_journal  # noqa: E402

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "elastic.py"
Running = Forked | subprocess.Popen[bytes]


def said(output: Path) -> str:
    """What a program printed."""
    return "".join(Path(f"{output}.{kind}").read_text() for kind in ("out", "err"))


def agent(forks: Forks, port: int, output: Path, *arguments: str, nodes: str, processes: int) -> Running:
    """torchrun on one machine; the test keeps the store at which the machines meet."""
    words = [
        *("-m", "torch.distributed.run", "--nnodes", nodes, "--nproc-per-node", str(processes)),
        *("--max-restarts", "3", "--rdzv-backend", "c10d", "--rdzv-id", "run"),
        *("--rdzv-endpoint", f"127.0.0.1:{port}"),
        *("--rdzv-conf", "is_host=0,last_call_timeout=2,keep_alive_interval=1,keep_alive_max_attempt=2"),
        *(str(SCRIPT), *arguments),
    ]
    return forks.start(words, output, os.environ | {"OMP_NUM_THREADS": "1"}, cwd=SCRIPT.parent)


@pytest.fixture
def store() -> "torch.distributed.TCPStore":
    return torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)


def require_whole_run(top: Path) -> None:
    """Every step was made once on the way to the end, and none is missing from the log."""
    newest = checkpoint.latest(top / "run" / "checkpoints")
    assert newest is not None and (newest.step, newest.state["count"]) == (12, 12)
    assert [line["step"] for line in read_journal(top / "run" / "log.jsonl")] == list(range(1, 13))


def test_a_killed_process_is_started_again_and_the_run_goes_on(
    tmp_path: Path, store: "torch.distributed.TCPStore", forks: Forks
) -> None:
    only = agent(forks, store.port, tmp_path / "agent", str(tmp_path), nodes="1", processes=2)
    code, text = only.wait(240), said(tmp_path / "agent")
    assert code == 0, text
    assert (tmp_path / "killed").exists()
    assert sorted((tmp_path / "starts").read_text().splitlines()) == ["0 of 2", "0 of 2", "1 of 2", "1 of 2"]
    assert "process 0 of 2 stops, as another one has ended or cannot be reached" in text
    require_whole_run(tmp_path)


def test_a_run_goes_on_with_fewer_processes_when_a_machine_is_lost(
    tmp_path: Path, store: "torch.distributed.TCPStore", forks: Forks
) -> None:
    outputs = [tmp_path / "first", tmp_path / "second"]
    agents = [
        agent(forks, store.port, output, str(tmp_path), "whole machine", nodes="1:2", processes=1)
        for output in outputs
    ]
    assert sorted(one.wait(240) for one in agents) == [-9, 0], [said(output) for output in outputs]
    starts = (tmp_path / "starts").read_text().splitlines()
    assert sorted(starts[:2]) == ["0 of 2", "1 of 2"] and starts[-1] == "0 of 1"
    require_whole_run(tmp_path)
