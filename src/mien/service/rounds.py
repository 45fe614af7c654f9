"""Work that a service does again and again in a thread of its own, from its start until it stops. Knows no work."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("mien.service")


class Rounds:
    """Repeats a step until it is stopped. A step that fails is logged, and tried again in the next round.

    Args:
        name: of the thread.
        step: what is done in a round.
        pause: seconds between two rounds.
    """

    def __init__(self, name: str, step: Callable[[], None], pause: float) -> None:
        self._step, self._pause, self._stopping = step, pause, threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_stopping(self) -> bool:
        """Whether a step that takes long should end."""
        return self._stopping.is_set()

    def stop(self, seconds: float) -> None:
        """End after the step in work, for which this waits so many seconds at most; nothing where it never began."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _work(self) -> None:
        while not self._stopping.wait(self._pause):
            try:
                self._step()
            except Exception:
                log.exception("%s: a round failed, and is tried again", self._thread.name)
