"""Watches videos and cameras: every followed face becomes a track, and every track gets one decision.

`looks` says when a track is compared and shares the policy's error rate among those comparisons, `samples` measures
faces and keeps the best ones, `compare` compares a track as a whole with a gallery, `people` gives faces that return
their number back and separates those whose tracks were mixed up, `watcher` composes them frame by frame, `events` is
what comes out, and `watching` runs it over a file or a camera.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.watch.events import WatchEvent
    from mien.watch.watching import WatchReport, watch_source

HOMES = {"WatchEvent": "events", "WatchReport": "watching", "watch_source": "watching"}
"""Public names and the modules that they are imported from when they are first used."""

__all__ = ["WatchEvent", "WatchReport", "watch_source"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name is
    from importlib import import_module

    if name not in HOMES:
        raise AttributeError(f"module 'mien.watch' has no attribute {name!r}")
    return getattr(import_module(f"mien.watch.{HOMES[name]}"), name)
