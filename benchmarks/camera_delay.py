"""Delay of a live source: from the sending of a frame by an RTSP server to what `mien watch` says of it; and cuts.

A server on this machine (benchmarks/servers/rtsp.py, Debian's GStreamer) sends 25 frames of 640x360 per second. A
portrait is shown for 2 seconds, again and again. Each frame carries its number, so the delay of each frame with a
detection, and of each event, is from the moment when that frame was sent. Then the server is killed again and again,
and started again 1 second later; "back" is from that start to the event camera-back.

    python benchmarks/camera_delay.py [--seconds 120] [--cuts 20]
"""

import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

import cv2
import numpy as np

import command
import machine
import mien
from mien.gallery.threshold_policies import parse_policy
from mien.image import read_image
from mien.models.defaults import package_file
from mien.watch.events import WatchEvent
from mien.watch.watcher import WatchedFrame
from mien.watch.watching import watch_source

SYSTEM_PYTHON = "/usr/bin/python3"
WIDTH, HEIGHT, RATE = 640, 360, 25
VISIT, PAUSE = 2.0, 6.5
"""Seconds for which the portrait is shown, and for which it is not: longer than a face may be away."""
SQUARE, BITS = 16, 16


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--cuts", type=int, default=20)
    given = parser.parse_args()
    need_server()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        portrait = package_file("scikit-image", "skimage/data/astronaut.png")
        mien.enrol_subject(folder / "people.gallery", "Eileen Collins", [portrait])
        server = Server(folder, read_image(portrait))
        run = Run(server, 9.0 if given.smoke else given.seconds, 0 if given.smoke else given.cuts)
        server.start()
        try:
            watch_source(
                folder / "people.gallery",
                server.address,
                policy=parse_policy("fmr:1e-2"),
                on_event=run.on_event,
                on_frame=run.on_frame,
            )
        finally:
            server.stop()
    command.finish("camera_delay", run.result(), smoke=given.smoke)


def need_server() -> None:
    test = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    if (
        not Path(SYSTEM_PYTHON).exists()
        or subprocess.run([SYSTEM_PYTHON, "-c", test], capture_output=True).returncode
    ):
        command.skip(
            "no RTSP server: apt-get install gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good python3-gi"
        )


class Server:
    """The RTSP server in a process of its own, and when it sent which frame."""

    def __init__(self, folder: Path, portrait: np.ndarray) -> None:
        empty = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        shown = empty.copy()
        shown[40:340, 170:470] = cv2.resize(portrait, (300, 300), interpolation=cv2.INTER_AREA)
        self.files = [folder / "shown.rgb", folder / "empty.rgb"]
        for path, image in zip(self.files, (shown, empty), strict=True):
            path.write_bytes(image.tobytes())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"rtsp://127.0.0.1:{self.port}/door"
        self.sent = dict[int, float]()

    def start(self) -> None:
        """Start it and wait until it sends."""
        words = [self.port, WIDTH, HEIGHT, RATE, VISIT, PAUSE, *self.files]
        script = machine.ROOT / "benchmarks" / "servers" / "rtsp.py"
        self.child = subprocess.Popen(
            [SYSTEM_PYTHON, script, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.child.stdout is not None
        if not self.child.stdout.readline():
            sys.exit("the RTSP server does not start")
        threading.Thread(target=self._read, args=(self.child.stdout,), daemon=True).start()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            number, at = line.split()
            self.sent[int(number)] = float(at)

    def stop(self) -> None:
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()


class Run:
    """What a run measures, as events and frames come."""

    def __init__(self, server: Server, seconds: float, cuts: int) -> None:
        self.server, self.seconds, self.cuts = server, seconds, cuts
        self.began = time.monotonic()
        self.frames, self.detected = 0, list[float]()
        self.by_event = dict[str, list[float]]()
        self.backs, self.memory = list[float](), list[tuple[float, int]]()
        self.restarted = 0.0
        self.waiting = list[WatchEvent]()

    def on_event(self, event: WatchEvent) -> None:
        if event.kind == "camera-back":
            self.backs.append(time.monotonic() - self.restarted)
            self.cut()
        elif event.kind in ("appeared", "identified"):
            self.waiting.append((event.kind, time.monotonic()))

    def on_frame(self, frame: WatchedFrame) -> None:
        now, self.frames = time.monotonic(), self.frames + 1
        sent = self.server.sent.get(number_in(frame.seen.frame.image))
        if sent is not None and frame.seen.detected and not self.backs:
            self.detected.append(now - sent)
            for kind, at in self.waiting:
                self.by_event.setdefault(kind, []).append(at - sent)
        self.waiting.clear()
        if self.frames % 250 == 0:
            self.memory.append((round(now - self.began), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))
        if now - self.began > self.seconds and not self.restarted:
            self.cut()

    def cut(self) -> None:
        """Kill the server and start it again a second later; end after the last cut."""
        if len(self.backs) >= self.cuts:
            raise KeyboardInterrupt
        self.restarted = time.monotonic() + 1.0

        def work() -> None:
            self.server.stop()
            time.sleep(1.0)
            self.restarted = time.monotonic()
            self.server.start()

        threading.Thread(target=work, daemon=True).start()

    def result(self) -> dict:
        return {
            "frames per second that were watched": round(self.frames / self.seconds, 1) if not self.cuts else None,
            "ms from sending a frame to its detection": spread(self.detected),
            "ms from sending a frame to its event": {name: spread(one) for name, one in self.by_event.items()},
            "cuts": self.cuts,
            "seconds from the start of the server to camera-back": spread(self.backs, 1),
            "peak memory in MB at seconds": self.memory,
        }


def spread(values: list[float], unit: float = 1000.0) -> dict:
    if not values:
        return {"count": 0}
    places = {"p50": 0.5, "p95": 0.95, "max": 1.0}
    found = {name: round(unit * float(np.quantile(values, place)), 2) for name, place in places.items()}
    return {"count": len(values)} | found


def number_in(image: np.ndarray) -> int:
    """The number of a frame by its squares."""
    middles = [image[SQUARE // 2, bit * SQUARE + SQUARE // 2].mean() > 127 for bit in range(BITS)]
    return sum(1 << bit for bit, is_set in enumerate(middles) if is_set)


if __name__ == "__main__":
    main()
