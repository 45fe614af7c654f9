"""Work in another process that says what it has as it goes, and is stopped when it takes too long. Knows no work."""

from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any


class Stopped:
    """The last answer of work that took too long."""


def spoken_by(work: Callable[..., None], arguments: tuple[Any, ...], seconds: float) -> Iterator[Any]:
    """Give what a process says, as soon as it does.

    Args:
        work: called in the process with a function that says something, and the arguments; from a module's top.
        arguments: of the work.
        seconds: after which it is stopped; the last answer is then of Stopped.

    Yields:
        What was said. A process that ends early, by its own fault or because memory ran out, says nothing more.
    """
    context = get_context("spawn")
    hear, speak = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(speak, work, arguments), daemon=True)
    process.start()
    speak.close()
    deadline = monotonic() + seconds
    try:
        while hear.poll(max(0.0, deadline - monotonic())):
            try:
                answer = hear.recv()
            except EOFError:
                return
            yield answer
        yield Stopped()
    finally:
        process.kill()
        process.join()
        hear.close()


def _run(speak: Connection, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    work(speak.send, *arguments)
    speak.close()
