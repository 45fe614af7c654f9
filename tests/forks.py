"""Starts Python programs without importing everything for each: they are forks of one process that has done so.

`Forks.start` is `subprocess.Popen` for `[sys.executable, *words]`, with output that goes into files. torch, scipy,
matplotlib and mien take 4 s to import, which a fork saves; so a test whose point is how a process starts, or what it
imports, starts one of its own. On other systems than Linux, whose libraries break after a fork, each is a process of
its own. This file is the program that forks, too.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread

CAN_FORK = sys.platform == "linux"
COMMON = (
    *("cv2", "onnx", "pyarrow.parquet", "scipy.stats", "scipy.optimize", "matplotlib.backends.backend_agg"),
    *("torch", "torch._dynamo", "mien.api", "mien.pipeline", "mien.train.loop", "mien.train.kinds"),
)
"""What is imported once. OpenVINO is not among it, since it starts a thread, which a fork would lack."""
SETTINGS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""With these, nothing else starts one."""


@dataclass(slots=True, eq=False)
class Forked:
    """A program that runs or has ended; as much of `subprocess.Popen` as the tests need."""

    args: Sequence[str]
    output: Path
    pid: int = 0
    returncode: int | None = None
    ended: Event = field(default_factory=Event)

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not self.ended.wait(timeout):
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        if not self.ended.is_set():
            os.kill(self.pid, signal.SIGKILL)


class Forks:
    """The process that forks, which is started with the first program, and the programs that it has started."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None
        self._lock, self._started = Lock(), Event()
        self._running: dict[int, Forked] = {}
        self._new: Forked | None = None

    def start(
        self,
        words: Sequence[str],
        output: Path,
        environment: Mapping[str, str],
        cwd: Path | None = None,
        core: int | None = None,
    ) -> "Forked | subprocess.Popen[bytes]":
        """Start `python WORDS` in a session of its own.

        Args:
            words: a script or `-m` and a module, and their arguments.
            output: what it prints goes into this path with `.out` and `.err` added.
            environment: all of it. Of OMP_NUM_THREADS, torch gets to know again.
            cwd: the working directory.
            core: the only core that it may use, on Linux.
        """
        where = cwd or Path.cwd()
        if not CAN_FORK:
            with Path(f"{output}.out").open("wb") as out, Path(f"{output}.err").open("wb") as errors:
                command = [sys.executable, *words]
                return subprocess.Popen(
                    command, stdout=out, stderr=errors, env=environment, cwd=where, start_new_session=True
                )
        job = {"words": list(words), "output": str(output), "environment": dict(environment), "cwd": str(where)}
        job["core"] = core
        with self._lock:
            server = self._server = self._server or self._serve()
            assert server.stdin is not None
            self._new = found = Forked(words, output)
            self._started.clear()
            server.stdin.write(json.dumps(job) + "\n")
            server.stdin.flush()
            assert self._started.wait(60) and found.pid, "the process that forks has ended: see its standard error"
        return found

    def run(
        self,
        words: Sequence[str],
        output: Path,
        environment: Mapping[str, str],
        cwd: Path | None = None,
        core: int | None = None,
        timeout: float = 300,
    ) -> "subprocess.CompletedProcess[str]":
        """Start a program and wait for its end."""
        running = self.start(words, output, environment, cwd, core)
        try:
            code = running.wait(timeout)
        except subprocess.TimeoutExpired:
            running.kill()
            raise
        texts = (Path(f"{output}.{kind}").read_text("utf-8") for kind in ("out", "err"))
        return subprocess.CompletedProcess(list(words), code, *texts)

    def close(self) -> None:
        """End the process that forks; programs that still run go on."""
        if self._server is not None and self._server.stdin is not None and self._server.stdout is not None:
            self._server.stdin.close()
            self._follower.join(60)
            self._server.stdout.close()
            self._server.wait(60)

    def _serve(self) -> "subprocess.Popen[str]":
        command = [sys.executable, __file__]
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | SETTINGS
        )
        self._follower = Thread(target=self._follow, args=(server,), daemon=True)
        self._follower.start()
        return server

    def _follow(self, server: "subprocess.Popen[str]") -> None:
        """Note what the process says: "+ PID" of a fork, and "PID CODE" of one that has ended."""
        assert server.stdout is not None
        for line in server.stdout:
            first, second = line.split()
            if first == "+":
                assert self._new is not None
                self._new.pid = int(second)
                self._running[self._new.pid] = self._new
                self._started.set()
            else:
                ended = self._running.pop(int(first))
                ended.returncode = int(second)
                ended.ended.set()
        self._started.set()
        for left in self._running.values():
            left.returncode = -1
            left.ended.set()


def serve() -> list[str] | None:
    """Fork for each line of standard input; returns the words of a program in its fork, and None at the end."""
    import_common()
    woken, wakes = os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    text = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 1000)
            report_ended()
        if 0 in ready:
            read = os.read(0, 1 << 16)
            if not read:
                return None
            *lines, text = (text + read).split(b"\n")
            for line in lines:
                if (process := os.fork()) == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    os.close(woken)
                    os.close(wakes)
                    return become(json.loads(line))
                say("+", process)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def import_common() -> None:
    for name in COMMON:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # An extra that is not installed: the programs that need it say so.
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert threads == 1, f"importing {COMMON} has started {threads - 1} threads, which forks would lack"
    gc.freeze()


def report_ended() -> None:
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if process == 0:
            return
        say(process, os.waitstatus_to_exitcode(status))


def become(job: dict) -> list[str]:
    """Take the environment, the folder and the files of a job."""
    os.setsid()
    if job["core"] is not None:
        os.sched_setaffinity(0, {job["core"]})
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["cwd"])
    for number, target in enumerate((os.devnull, f"{job['output']}.out", f"{job['output']}.err")):
        opened = os.open(target, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    return job["words"]


def run_program(words: Sequence[str]) -> None:
    """What the interpreter does with the words of a command line."""
    if words[0] == "-m":
        sys.argv[:] = words[1:]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        script = Path(words[0]).resolve()
        sys.argv[:] = words
        sys.path[0] = str(script.parent)
        runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    words = serve()
    if words is not None:
        run_program(words)
