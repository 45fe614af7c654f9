"""The cameras of a service at work: a process each, started again when it ends, in one worker of the service alone.

Which cameras there are is in mien.service.camera_store; all workers show it, and one of them, which holds the lock of
the folder, runs them. Watches nothing itself.
"""

import base64
import json
import logging
import math
import os
import secrets
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from mien.errors import MienError
from mien.service.camera_networks import Network, require_allowed
from mien.service.camera_store import Camera
from mien.service.camera_stores import CameraStores
from mien.service.config import ServiceConfig
from mien.service.folder_lock import try_lock
from mien.service.rounds import Rounds
from mien.watch.unknown import KeptFace, embedding_text

LOCK = "cameras.lock"
ROUND = 1.0
"""Seconds between two looks for cameras that were added, deleted or ended."""
WAITS = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds before a process that ended is started again."""
STEADY = 60.0
"""Seconds after which a process counts as started well, so that waits begin again."""
STOP = 5.0
NOBODY_IGNORED = "(0, 0)"
"""What UnknownStore.ignored_state says where nobody is."""
log = logging.getLogger("mien.service")

PathOf = Callable[[str], Path]
"""The file of a gallery by its id; raises MienError where there is none."""


class Cameras:
    """Runs the cameras.

    Args:
        config: of the service.
        stores: of its cameras.
        networks: that the operator allowed; without one, no camera is run.
        path_of: the file of a gallery.
    """

    def __init__(
        self, config: ServiceConfig, stores: CameraStores, networks: Sequence[Network], path_of: PathOf
    ) -> None:
        self.stores, self.store, self.networks = stores, stores.cameras, tuple(networks)
        self._config, self._path_of = config, path_of
        self._running = dict[str, _Process]()
        self._lock: IO[str] | None = None
        self._rounds = Rounds("mien-cameras", self._look, ROUND)

    def start(self) -> None:
        """Begin, where cameras are allowed."""
        if self.networks:
            self._rounds.start()

    def close(self) -> None:
        """Stop all processes; they begin again when the service does."""
        self._rounds.stop(STOP * 2)
        for process in self._running.values():
            process.stop()
        if self._lock is not None:
            self._lock.close()
        self.stores.close()

    def load(self) -> dict[str, float]:
        """Numbers of this moment, see mien.service.metrics.LOAD; not numbers where the file cannot be read."""
        names = "cameras_watched", "cameras_not_watched", "camera_delay_seconds"
        try:
            found = self.store.all()
        except sqlite3.Error:
            return dict.fromkeys(names, math.nan)
        watched = [one for one in found if one.state == "watching"]
        slowest = max((one.delay for one in watched), default=0.0)
        return dict(zip(names, (len(watched), len(found) - len(watched), slowest), strict=True))

    def _look(self) -> None:
        """Where no other worker does it, start what should run and does not, and stop what should not run."""
        if self._lock is None:
            self._lock = (self._config.folder / LOCK).open("w")
        if not try_lock(self._lock):
            return
        cameras, wanted = {one.id: one for one in self.store.all()}, self.stores.previews.wanted()
        for gone in set(self._running) - set(cameras):
            self._running.pop(gone).stop()
        for camera in cameras.values():
            process = self._running.setdefault(camera.id, _Process(camera, self))
            if process.is_due():
                process.start()
            process.send_ignored()
            process.send_wish(wanted.get(camera.id, 0.0))

    def request_for(self, camera: Camera) -> dict[str, Any]:
        """What a camera's process is asked for.

        Raises:
            MienError: the gallery is gone, or the address is not allowed any more.
        """
        address = self.store.address(camera.id)
        require_allowed(address, self.networks)
        options = self._config.options
        return {
            "gallery": str(self._path_of(camera.gallery)),
            "address": address,
            "policy": camera.policy,
            "detector": self._config.detector,
            "recognizer": self._config.recognizer,
            "engine": options.engine,
            "precision": options.precision,
            "keep_unknown": camera.keep_unknown > 0,
            "keep_thumbnails": camera.keep_thumbnails > 0,
        }


def _write(stream: IO[str], line: str) -> None:
    """Write a line to a process, unless it has ended."""
    with suppress(OSError, ValueError):
        stream.write(line)
        stream.flush()


class _Process:
    """The process of one camera."""

    def __init__(self, camera: Camera, cameras: Cameras) -> None:
        self._camera, self._cameras = camera, cameras
        self._child: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._tries, self._started, self._next = 0, 0.0, 0.0
        self._sent, self._sending = NOBODY_IGNORED, threading.Thread()
        self._wish = 0.0
        self._thumbnails = dict[int, str]()
        """Of the tracks that the process follows: its numbers begin again when it does."""

    def is_due(self) -> bool:
        """Whether it does not run and has waited long enough."""
        if self._child is not None and self._child.poll() is not None:
            self._tries = 0 if time.monotonic() - self._started > STEADY else self._tries + 1
            self._next = time.monotonic() + WAITS[min(self._tries, len(WAITS) - 1)]
            self._let_go(self._child)
            self._child = None
        return self._child is None and time.monotonic() >= self._next

    def start(self) -> None:
        """Start it."""
        self._started = time.monotonic()
        try:
            asked = self._cameras.request_for(self._camera)
        except MienError as reason:
            self._fail(str(reason))
            return
        # Its own interpreter and module, with no argument from outside.
        self._child = subprocess.Popen(
            [sys.executable, "-m", "mien.service.camera_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(os.environ),
        )
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(json.dumps(asked) + "\n")
        self._child.stdin.flush()
        self._sent, self._thumbnails = NOBODY_IGNORED, {}
        self._reader = threading.Thread(target=self._read, args=(self._child.stdout,), daemon=True)
        self._reader.start()

    def send_ignored(self) -> None:
        """Say of whom nothing is to be said, where that has changed."""
        unknown, gallery = self._cameras.stores.unknown, self._camera.gallery
        if self._child is None or self._sending.is_alive():
            return
        state = unknown.ignored_state(gallery)
        if state == self._sent:
            return
        self._sent = state
        try:
            people = unknown.ignored(gallery)
        except MienError:
            log.exception("people who are ignored cannot be read")
            return
        sent = {
            contract: [[embedding_text(row) for row in person] for person in found]
            for contract, found in people.items()
        }
        self._send({"ignored": sent})

    def send_wish(self, asked: float) -> None:
        """Ask for an image, where somebody asked for one since."""
        if self._child is None or self._sending.is_alive() or asked <= self._wish:
            return
        self._wish = asked
        self._send({"preview": True})

    def _send(self, value: Mapping[str, object]) -> None:
        assert self._child is not None and self._child.stdin is not None
        # A process that still starts reads it later, and other cameras do not wait for that.
        line = json.dumps(value) + "\n"
        self._sending = threading.Thread(target=_write, args=(self._child.stdin, line), daemon=True)
        self._sending.start()

    def stop(self) -> None:
        """End it."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(STOP)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._let_go(child)

    def _let_go(self, child: subprocess.Popen[str]) -> None:
        """Close the pipes of a process that has ended, after its last words were read."""
        if self._reader is not None:
            self._reader.join(STOP)
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _read(self, lines: IO[str]) -> None:
        """Keep what it says."""
        store, camera = self._cameras.store, self._camera.id
        try:
            for line in lines:
                said = json.loads(line)
                if "event" in said:
                    thumbnail = self._keep_thumbnail(said)
                    store.add_event(camera, time.time(), said["event"] | thumbnail)
                    if "unknown" in said:
                        self._keep(said["unknown"], thumbnail.get("thumbnail"))
                elif "preview" in said:
                    self._cameras.stores.previews.put(camera, base64.b64decode(said["preview"]))
                elif "failed" in said:
                    store.note(camera, "failed", said["failed"])
                else:
                    store.note(camera, said["state"], "", said.get("rate", 0.0), said.get("delay", 0.0))
        except (ValueError, KeyError, MienError):
            # The pipe was closed in the middle of a line, or the service stops.
            log.info("a camera's process was ended")

    def _keep_thumbnail(self, said: dict[str, Any]) -> dict[str, str]:
        """Keep the thumbnail of a track; gives what its events say of it. Where that fails, the camera goes on."""
        track = said["event"].get("track")
        if track is None or not self._camera.keep_thumbnails:
            return {}
        thumbnail = self._thumbnails.setdefault(track, secrets.token_hex(8))
        if said["event"]["event"] == "left":
            del self._thumbnails[track]
        seen = said.get("thumbnail")
        if seen is not None:
            try:
                jpeg = base64.b64decode(seen["jpeg"])
                self._cameras.stores.thumbnails.keep(self._camera.id, thumbnail, jpeg, seen["subject"])
            except (MienError, sqlite3.Error):
                log.exception("a thumbnail of camera %s is not kept", self._camera.id)
        return {"thumbnail": thumbnail}

    def _keep(self, seen: dict[str, Any], thumbnail: str | None) -> None:
        """Keep somebody who was not recognized; where that fails, the camera goes on."""
        stores = self._cameras.stores
        try:
            faces = [KeptFace.from_json(one) for one in seen["faces"]]
            visit = stores.unknown.keep(self._camera.id, faces, seen["contract"])
            if visit is not None and thumbnail is not None:
                stores.thumbnails.attach(thumbnail, visit.id)
        except (MienError, sqlite3.Error):
            log.exception("somebody whom camera %s saw is not kept", self._camera.id)

    def _fail(self, reason: str) -> None:
        self._tries += 1
        self._next = time.monotonic() + WAITS[min(self._tries, len(WAITS) - 1)]
        self._cameras.store.note(self._camera.id, "failed", reason)
