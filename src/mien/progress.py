"""How long work reports what it has done. One callback type for every room; draws nothing and knows no terminal."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A point that long work has reached.

    Attributes:
        stage: what is being done, in a few words ("embedding").
        done: number of finished items of this stage.
        total: number of all items of this stage; None where it is not known.
    """

    stage: str
    done: int
    total: int | None = None


OnProgress = Callable[[Progress], None]
"""Called with each point; it may raise (KeyboardInterrupt, for example) to stop the work."""


def no_progress(progress: Progress) -> None:
    """Ignore progress; the default of every function that takes a callback."""


def report_progress(
    items: Iterable[Item], stage: str, total: int | None, on_progress: OnProgress = no_progress
) -> Iterator[Item]:
    """Pass items on and report each one after the caller has finished with it."""
    for done, item in enumerate(items, start=1):
        yield item
        on_progress(Progress(stage=stage, done=done, total=total))
