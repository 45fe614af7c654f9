"""mien serve, as a user calls it: starts, says where, and ends on Ctrl-C."""

import logging
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from mien.cli import run


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The command logs to a standard error that ends with its test."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_it_says_where_it_listens_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "mien", "serve", str(tmp_path / "data"), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        # The tests may run in the background of a shell, where an interrupt is ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert started.stdout is not None
    line = started.stdout.readline()
    if sys.platform == "linux":
        known = Path(f"/proc/{started.pid}/environ").read_bytes().split(b"\0")
        assert b"OPENBLAS_NUM_THREADS=1" in known, "products of parallel requests would wait for each other"
    assert line.startswith("mien listens on http://127.0.0.1:"), line
    with urllib.request.urlopen(line.split()[3] + "/v1/ready") as answer:
        assert b'"ready"' in answer.read()
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=30)
    assert started.returncode == 130 and "Traceback" not in out + err


def test_a_taken_port_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(["serve", str(tmp_path), "--port", str(taken.getsockname()[1])]) == 3
    error = capsys.readouterr().err
    assert "cannot be listened on" in error and "--port" in error and "Traceback" not in error


def test_without_the_extra_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("mien.service")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert run(["serve"]) == 3
    assert "pip install 'mien[serve]'" in capsys.readouterr().err
