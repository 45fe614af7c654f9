"""Several processes that answer for one service: starts them, starts those again that end, and stops all of them.

They share the address, the folder and everything in it. Each opens the models, on its share of the cores, and takes
its share of what may be in work at once. The first one starts alone, so that what refuses a start is said once. This
process answers nothing itself.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType

from mien.errors import MienError, SettingsError
from mien.freed_memory import overwrite_when_freed
from mien.models.engines import usable_cores
from mien.service.config import ServiceConfig
from mien.service.logs import set_up_logs
from mien.service.metrics import leave_shared_numbers, shared_numbers
from mien.service.serving import STOP_SECONDS, answer

READY = ""
"""What a worker says when it answers; anything else is why it does not."""

PAUSE, LONGEST_PAUSE, STEADY = 1.0, 60.0, 60.0
"""Seconds before a worker that ended is started again, which double while it ends within the last number."""

log = logging.getLogger("mien.service")


def serve_by_workers(config: ServiceConfig, listening: socket.socket, on_started: Callable[[], None]) -> None:
    """Serve until the process is interrupted or terminated.

    Args:
        config: with the number of workers.
        listening: the address, which they share.
        on_started: called when the first worker answers.

    Raises:
        SettingsError: the first worker cannot start; the sentence says why.
    """
    if find_spec("fcntl") is None:
        raise SettingsError("--workers needs locks of files that this system does not have: leave it out")
    stopping, heard = threading.Event(), []

    def stop(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    numbers = ExitStack()
    numbers.enter_context(shared_numbers())
    workers = [_Worker(share_of(config, number), listening) for number in range(config.workers)]
    try:
        refused = workers[0].start_and_wait(stopping)
        if refused:
            raise SettingsError(refused)
        if not stopping.is_set():
            on_started()
            for worker in workers[1:]:
                worker.start()
        while not stopping.wait(0.2):
            for worker in workers:
                worker.look_after()
    finally:
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join()
        numbers.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    if signal.SIGINT in heard:
        raise KeyboardInterrupt


def share_of(config: ServiceConfig, number: int) -> ServiceConfig:
    """What one worker is started with: all workers together take what one process would."""
    limits, workers = config.limits, config.workers
    return replace(
        config,
        worker=number,
        demo=config.demo and number == 0,
        options=replace(config.options, threads=config.options.threads or max(1, usable_cores() // workers)),
        limits=replace(
            limits,
            requests=max(1, -(-limits.requests // workers)),
            waiting_bytes=limits.waiting_bytes // workers,
            waiting_pixels=limits.waiting_pixels // workers,
        ),
    )


class _Worker:
    """One process, and what it said."""

    def __init__(self, config: ServiceConfig, listening: socket.socket) -> None:
        self._config, self._listening = config, listening
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._pause, self._since, self._again = PAUSE, 0.0, 0.0

    def start(self) -> None:
        """Start the process."""
        # A copy of this process would have its threads' locks and no threads.
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments = self._config, self._listening, theirs
        name = f"mien-worker-{self._config.worker}"
        self._process = context.Process(target=_run, args=arguments, name=name, daemon=False)
        self._process.start()
        theirs.close()
        self._since = time.monotonic()

    def start_and_wait(self, stopping: threading.Event) -> str:
        """Start the process, and wait until it answers; say why it does not."""
        self.start()
        assert self._pipe is not None
        while not stopping.is_set():
            if wait([self._pipe], timeout=0.2):
                try:
                    return str(self._pipe.recv())
                except EOFError:
                    return "the first worker of the service ended before it answered: see its log"
        return READY

    def look_after(self) -> None:
        """Start the process again where it has ended."""
        if self._process is None or self._process.is_alive():
            return
        now = time.monotonic()
        if not self._again:
            self._pause = PAUSE if now - self._since > STEADY else min(self._pause * 2, LONGEST_PAUSE)
            self._again = now + self._pause
            assert self._process.pid is not None
            leave_shared_numbers(self._process.pid)
            why = self._reason() or f"exit code {self._process.exitcode}"
            log.warning("worker %s ended (%s); it starts again in %g s", self._config.worker, why, self._pause)
        elif now >= self._again:
            self._again = 0.0
            self.start()

    def _reason(self) -> str:
        """Why the process could not start, where it said so."""
        said = READY
        with suppress(EOFError, OSError):
            while self._pipe is not None and self._pipe.poll():
                said = str(self._pipe.recv())
        return said

    def stop(self) -> None:
        """Ask the process to finish what is in work."""
        if self._process is not None and self._process.is_alive():
            self._process.terminate()

    def join(self) -> None:
        """Wait until the process has ended; one that does not is killed."""
        if self._process is not None:
            self._process.join(STOP_SECONDS + 5)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()


def _run(config: ServiceConfig, listening: socket.socket, pipe: Connection) -> None:
    """What a worker does."""
    overwrite_when_freed()
    set_up_logs(config.log_format)
    _end_with_parent(pipe)
    try:
        answer(config, listening, lambda: pipe.send(READY))
    except KeyboardInterrupt:
        # Ctrl-C reaches every process of the terminal.
        return
    except MienError as reason:
        pipe.send(str(reason))
        # The sentence is said once, by the process that started this one.
        raise SystemExit(3) from None


def _end_with_parent(pipe: Connection) -> None:
    """Stop this process when the one that started it is gone, also where that was killed."""

    def watch() -> None:
        wait([pipe])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="mien-parent", daemon=True).start()
