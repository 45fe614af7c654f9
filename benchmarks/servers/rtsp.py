"""An RTSP server for benchmarks/camera_delay.py, run with the system's Python, which has Debian's GStreamer.

    /usr/bin/python3 benchmarks/servers/rtsp.py PORT WIDTH HEIGHT RATE VISIT PAUSE SHOWN.rgb EMPTY.rgb

It sends SHOWN for VISIT seconds and EMPTY for PAUSE seconds, in turns, as JPEG over RTP. Each frame has its number in
a row of 16 black or white squares at the top; number and time of sending are printed as "NUMBER SECONDS", by the
clock that all processes of the machine share. Needs gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-good.
"""

import sys
import time
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - versions are chosen before

SQUARE, BITS = 16, 16


def main() -> None:
    port, *numbers = sys.argv[1:5]
    visit, pause = (float(one) for one in sys.argv[5:7])
    shown, empty = (Path(one).read_bytes() for one in sys.argv[7:9])
    width, height, rate = (int(one) for one in numbers)
    Gst.init(None)
    caps = f"video/x-raw,format=RGB,width={width},height={height},framerate={rate}/1"
    launch = (
        f"( appsrc name=frames is-live=true do-timestamp=true format=time caps={caps} ! videoconvert "
        "! video/x-raw,format=I420 ! jpegenc quality=90 ! rtpjpegpay name=pay0 pt=26 )"
    )
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch)
    factory.set_shared(True)
    sources: list = []
    factory.connect("media-configure", lambda _, media: sources.append(media.get_element().get_by_name("frames")))
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.get_mount_points().add_factory("/door", factory)
    server.attach(None)
    began, state = time.monotonic(), {"number": 0}

    def send() -> bool:
        now = time.monotonic()
        base = shown if (now - began) % (visit + pause) < visit else empty
        number = state["number"] = state["number"] + 1
        buffer = Gst.Buffer.new_wrapped(stamped(base, number % (1 << BITS), width))
        for source in sources[-1:]:
            source.emit("push-buffer", buffer)
        print(number % (1 << BITS), f"{now:.4f}", flush=True)
        return True

    GLib.timeout_add(1000 // rate, send)
    GLib.MainLoop().run()


def stamped(base: bytes, number: int, width: int) -> bytes:
    """A frame with its number in its first rows."""
    row = bytearray(base[: width * 3])
    for bit in range(BITS):
        level = b"\xff" if number >> bit & 1 else b"\0"
        row[bit * SQUARE * 3 : (bit + 1) * SQUARE * 3] = level * (SQUARE * 3)
    return bytes(row) * SQUARE + base[width * 3 * SQUARE :]


if __name__ == "__main__":
    main()
