"""Kinds of video files: recognized, found cut short, and asked for sound."""

import struct
from pathlib import Path

import pytest

from mien.video.containers import ASF_FILE, ASF_SOUND, container_of

EBML = b"\x1a\x45\xdf\xa3\x84webm"


def segment(size: int, content: bytes) -> bytes:
    return EBML + b"\x18\x53\x80\x67" + (0x0100_0000_0000_0000 | size).to_bytes(8, "big") + content


def tag(kind: int, content: bytes) -> bytes:
    body = bytes([kind]) + len(content).to_bytes(3, "big") + bytes(7) + content
    return body + len(body).to_bytes(4, "big")


FLASH = b"FLV\x01\x05\0\0\0\x09\0\0\0\0" + tag(9, b"video") + tag(8, b"sound")
ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(24) + ASF_FILE + bytes(24)
RIFF = b"RIFF\x48\0\0\0AVI " + b"auds" + bytes(64)

CASES = {
    "mp4": (b"\0\0\0\x10ftypisom" + bytes(4), "MP4"),
    "mkv": (segment(40, b"\x86\x87A_OPUS1" + bytes(31)), "Matroska or WebM"),
    "avi": (RIFF, "AVI"),
    "gif": (b"GIF89a" + bytes(20) + b";", "GIF"),
    "flv": (FLASH, "Flash video"),
    "wmv": (ASF + struct.pack("<Q", 200) + ASF_SOUND + bytes(200 - 96), "Windows Media"),
    "ogv": (b"OggS" + bytes(30) + b"\x01vorbis", "Ogg"),
    "ts": ((b"G" + bytes(187)) * 3, "MPEG transport stream"),
    "m2ts": ((bytes(4) + b"G" + bytes(187)) * 3, "MPEG transport stream"),
    "mpg": (b"\0\0\1\xba" + bytes(20), "MPEG program stream"),
    "m2v": (b"\0\0\1\xb3" + bytes(20), "MPEG video"),
    "y4m": (b"YUV4MPEG2 W2 H2\n", "YUV4MPEG2"),
}


@pytest.mark.parametrize("ending", CASES)
def test_a_kind_is_known_by_its_first_bytes(ending: str, tmp_path: Path) -> None:
    data, name = CASES[ending]
    path = tmp_path / "nameless"
    path.write_bytes(data)
    kind = container_of(path)
    assert kind is not None and kind.name == name and not kind.is_cut(path)


@pytest.mark.parametrize("ending", ["mkv", "avi", "gif", "flv", "wmv"])
def test_a_file_that_is_shorter_than_it_says_is_cut(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(CASES[ending][0][:-3])
    kind = container_of(path)
    assert kind is not None and kind.is_cut(path)


def test_a_recording_that_was_shown_while_it_was_written_is_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "live.webm"
    path.write_bytes(EBML + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + bytes(30))
    kind = container_of(path)
    assert kind is not None and not kind.is_cut(path)


@pytest.mark.parametrize(
    ("ending", "sound"),
    [("mkv", True), ("avi", True), ("flv", True), ("wmv", True), ("ogv", True), ("gif", False), ("ts", None)],
)
def test_sound_is_known_where_the_header_says_so(ending: str, sound: bool | None, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CASES[ending][0])
    kind = container_of(path)
    assert kind is not None and kind.has_sound(path) is sound
    path.write_bytes(segment(20, b"\x86\x85V_VP8" + bytes(13)))
    silent = container_of(path)
    assert silent is not None and silent.has_sound(path) is False


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0" + bytes(2000), b"text", b"\x1a\x45\xdf"])
def test_what_is_no_video_has_no_kind(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    assert container_of(tmp_path / "file") is None


@pytest.mark.parametrize("ending", CASES)
def test_a_few_bytes_of_a_kind_are_asked_without_harm(ending: str, tmp_path: Path) -> None:
    path, data = tmp_path / "file", CASES[ending][0]
    for size in range(1, min(60, len(data))):
        path.write_bytes(data[:size])
        kind = container_of(path)
        if kind is not None:
            kind.is_cut(path)
            kind.has_sound(path)
