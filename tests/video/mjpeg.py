"""A camera on this machine: an MJPEG server that does what a test asks of it, also what no camera should do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import cv2
import numpy as np

from mien.types import Image

BOUNDARY = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"


def jpeg(image: Image) -> bytes:
    return bytes(cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


def level(value: int, width: int = 64, height: int = 48) -> Image:
    return np.full((height, width, 3), value, np.uint8)


class Camera:
    """Sends to everybody who is connected what is put into it."""

    def __init__(self) -> None:
        self.connections = 0
        self.is_up = True
        self.asked = list[str]()
        self._queues = list[Queue[bytes | None]]()
        self.connected = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.asked.append(self.headers.get("Authorization", ""))
                if not camera.is_up:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                camera.serve(self)

            def log_message(self, *rest: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/door.mjpg"

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        own: Queue[bytes | None] = Queue()
        self._queues.append(own)
        self.connections += 1
        self.connected.set()
        try:
            while (data := own.get()) is not None:
                handler.wfile.write(data)
        except OSError:
            return
        finally:
            self._queues.remove(own)

    def send(self, image: Image) -> None:
        """Send a frame."""
        data = jpeg(image)
        self.send_bytes(BOUNDARY % len(data) + data + b"\r\n")

    def send_bytes(self, data: bytes) -> None:
        for one in list(self._queues):
            one.put(data)

    def cut(self, *, up: bool = True) -> None:
        """Break all connections; refuse new ones where it is not up."""
        self.is_up = up
        self.connected.clear()
        for one in list(self._queues):
            one.put(None)

    def drained(self) -> bool:
        return all(one.empty() for one in self._queues)


@contextmanager
def camera() -> Iterator[Camera]:
    made = Camera()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.cut(up=False)
        made.server.shutdown()
        made.server.server_close()
