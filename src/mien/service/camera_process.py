"""The process of one camera of a service: watches it, and writes what happens as JSON lines. Knows no web.

It reads what to watch, with the address, as one JSON line on standard input, so that no argument of a command shows
credentials. Each further line has the samples of the people who are ignored from then on, or asks for one image. It
ends when that input is closed, as it is when the service ends in any way. What it writes has ids of subjects and no
names; samples of strangers and thumbnails of tracks are in it only where the camera keeps them, and images of the
camera only where one is asked for.

    python -m mien.service.camera_process
"""

import base64
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mien.errors import MienError
from mien.gallery.threshold_policies import parse_policy
from mien.models.options import EngineOptions
from mien.thumbnail import small_jpeg
from mien.types import Floats
from mien.video import shown_name
from mien.watch.events import WatchEvent
from mien.watch.unknown import KeptFace, read_embedding
from mien.watch.watcher import WatchedFrame
from mien.watch.watching import watch_source

NOTE = 2.0
"""Seconds between two lines about how it is."""
THREADS = 1
"""Processor threads per model: a share of the cores, so that requests are still answered."""


PREVIEW = 640
"""Pixels along the longer side of an image that is asked for, at most."""


class Reporter:
    """Writes events, images that are asked for, and now and then how the camera is.

    Args:
        keep_thumbnails: whether events of tracks have thumbnails.
    """

    def __init__(self, keep_thumbnails: bool = False) -> None:
        self._keep_thumbnails, self.is_image_wanted = keep_thumbnails, False
        self._frames, self._since, self._delay = 0, time.monotonic(), 0.0

    def event(self, event: WatchEvent) -> None:
        """Write an event."""
        said: dict[str, Any] = {"event": event_body(event)}
        if event.unknown and event.person is not None:
            faces = [KeptFace.of(one).as_json() for one in event.unknown]
            said["unknown"] = {"contract": event.person.threshold.contract, "faces": faces}
        if self._keep_thumbnails and event.thumbnail is not None:
            jpeg = small_jpeg(event.thumbnail, max(event.thumbnail.shape[:2]))
            said["thumbnail"] = {"jpeg": _text(jpeg), "subject": shown_subject(event)}
        _write(said)
        self._delay = event.delay
        if event.kind in ("camera-lost", "camera-back"):
            _write({"state": "lost" if event.kind == "camera-lost" else "watching"})

    def want_image(self) -> None:
        """Give the image of the next frame."""
        self.is_image_wanted = True

    def frame(self, frame: WatchedFrame) -> None:
        """Count a frame, and give its image where that was asked for."""
        self._frames += 1
        if self.is_image_wanted:
            self.is_image_wanted = False
            _write({"preview": _text(small_jpeg(frame.seen.frame.image, PREVIEW))})
        now = time.monotonic()
        if now - self._since >= NOTE:
            rate = self._frames / (now - self._since)
            _write({"state": "watching", "rate": round(rate, 1), "delay": round(self._delay, 3)})
            self._frames, self._since = 0, now


def event_body(event: WatchEvent) -> dict[str, Any]:
    """An event without any name."""
    value = event.as_json("en")
    for name in ("source", "subject", "reasons", "was", "decision"):
        value.pop(name, None)
    value["outcome"] = outcome(event)
    value["reasons"] = [one.as_json() for one in event.reasons]
    return value


def outcome(event: WatchEvent) -> str:
    """What was decided, without a name."""
    if event.person is None:
        return "unknown"
    return "match" if event.person.subject is not None else event.person.decision


def shown_subject(event: WatchEvent) -> str | None:
    """The id of the subject whom a track shows, also where that is uncertain; None where it shows a stranger."""
    person = event.person
    if person is None or not person.candidates or not (person.subject is not None or person.is_uncertain):
        return None
    return person.candidates[0].subject_id


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _write(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Ignored:
    """The people of whom nothing is said, as the service said last.

    Args:
        on_wish: called when the service asks for an image.
    """

    def __init__(self, on_wish: Callable[[], None]) -> None:
        self._on_wish = on_wish
        self._people: Mapping[str, Sequence[Floats]] = {}

    def __call__(self, contract: str) -> Sequence[Floats]:
        """The samples of each, as far as they are of an embedding contract."""
        return self._people.get(contract, ())

    def follow(self, lines: Iterable[str]) -> None:
        """Take in what the service says until it says nothing more."""
        for line in lines:
            said = json.loads(line)
            if "preview" in said:
                self._on_wish()
                continue
            people_by_contract = said["ignored"]
            self._people = {
                contract: [np.stack([read_embedding(one) for one in person]) for person in people]
                for contract, people in people_by_contract.items()
            }


def _end_with_input(ignored: Ignored) -> None:
    ignored.follow(sys.stdin)
    os._exit(0)


def main() -> int:
    """Watch until the input is closed."""
    asked = json.loads(sys.stdin.readline())
    reporter = Reporter(asked["keep_thumbnails"])
    ignored = Ignored(reporter.want_image)
    threading.Thread(target=_end_with_input, args=(ignored,), daemon=True).start()
    try:
        watch_source(
            asked["gallery"],
            asked["address"],
            policy=parse_policy(asked["policy"]),
            detector=asked["detector"],
            recognizer=asked["recognizer"],
            options=EngineOptions(engine=asked["engine"], precision=asked["precision"], threads=THREADS),
            keep_unknown=asked["keep_unknown"],
            ignored=ignored,
            on_event=reporter.event,
            on_frame=reporter.frame,
        )
    except MienError as reason:
        _write({"failed": str(reason).replace(shown_name(asked["address"]), "the camera")})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
