"""What a camera's process writes has ids of subjects, and no name, address or image."""

import base64
import io
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import simplejpeg

from mien.detect.stream import TrackedFrame
from mien.gallery.decide import Candidate, Identification
from mien.gallery.records import Portrait
from mien.messages import Message
from mien.service.camera_process import Ignored, Reporter, event_body, main
from mien.types import Box, Face, Score, Threshold
from mien.video.reading import Frame
from mien.watch.events import Kind, WatchEvent
from mien.watch.samples import Measured, Sample
from mien.watch.unknown import KeptFace, embedding_text
from mien.watch.watcher import WatchedFrame

THRESHOLD = Threshold(value=0.5, unit="cosine", contract="c", fmr=1e-3, fmr_interval=None, protocol="made up")


def event(kind: Kind, *, known: bool) -> WatchEvent:
    best = Candidate("Secret Name", Score(0.9, "cosine", "c"), 1, "id-1")
    person = Identification(subject="Secret Name" if known else None, candidates=(best,), threshold=THRESHOLD)
    reasons = (Message("watch.nobody", {"count": 3}),)
    return WatchEvent(
        kind=kind, source="rtsp://h/p", seconds=1, track=1, person=person, was="Secret Name", reasons=reasons
    )


@pytest.mark.parametrize("kind", ["identified", "changed", "left"])
@pytest.mark.parametrize("known", [True, False])
def test_no_name_leaves_the_process(kind: Kind, known: bool) -> None:
    body = event_body(event(kind, known=known))
    text = json.dumps(body)
    assert "Secret" not in text and "rtsp" not in text
    assert body["outcome"] == ("match" if known else "unknown") and body["subject_id"] == ("id-1" if known else None)
    assert Message.from_json(body["reasons"][0]).text("vi") != Message.from_json(body["reasons"][0]).text("en")


def test_a_loss_is_an_event_and_a_state(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter()
    for kind in ("camera-lost", "camera-back"):
        reporter.event(WatchEvent(kind=kind, source="a", seconds=1))  # type: ignore[arg-type]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one.get("state") for one in lines] == [None, "lost", None, "watching"]
    assert lines[0]["event"]["event"] == "camera-lost"


def test_what_cannot_be_watched_is_said_without_the_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    import mien
    from mien.models.options import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER

    gallery = f"{tmp_path}/g.gallery"
    mien.Gallery.create(gallery, mien.load_card(DEFAULT_RECOGNIZER)).close()
    asked = {
        "gallery": gallery,
        "address": "http://admin:secret@127.0.0.1:9/door.mjpg",
        "policy": "fmr:1e-2",
        "detector": DEFAULT_DETECTOR,
        "recognizer": DEFAULT_RECOGNIZER,
        "engine": "auto",
        "precision": "auto",
        "keep_unknown": False,
        "keep_thumbnails": False,
    }

    class Input(io.StringIO):
        def read(self, size: int | None = -1) -> str:
            raise OSError("the thread that waits for the end has nothing to wait for here")

    monkeypatch.setattr(sys, "stdin", Input(json.dumps(asked) + "\n"))
    # By the function's own module, which another test may have imported a second time.
    monkeypatch.setitem(main.__globals__, "_end_with_input", lambda ignored: None)
    assert main() == 1
    said = json.loads(capsys.readouterr().out)["failed"]
    assert said.startswith("the camera cannot be opened") and "secret" not in said and "127.0.0.1" not in said


def test_samples_of_a_stranger_go_to_the_service_with_their_contract(capsys: pytest.CaptureFixture[str]) -> None:
    one = Face(Box(0, 0, 9, 9), 0.9, np.zeros((5, 2), np.float32))
    measured = Measured(at=1, face=one, worth=50, doubts=(), thumbnail=np.zeros((2, 2, 3), np.uint8))
    sample = Sample(measured, np.arange(4, dtype=np.float32), Portrait(b"JPEG", np.ones((5, 2), np.float32)))
    left = event("left", known=False)
    Reporter().event(replace(left, unknown=(sample,)))
    Reporter().event(left)
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    face = KeptFace.from_json(first["unknown"]["faces"][0])
    assert (first["unknown"]["contract"], face.portrait.jpeg, face.embedding.tolist()) == ("c", b"JPEG", [0, 1, 2, 3])
    assert "unknown" not in second and "JPEG" not in json.dumps(first["event"])


def test_whom_the_service_ignores_is_known_by_contract_and_as_it_said_last() -> None:
    rows, ignored = np.eye(3, dtype=np.float32), Ignored(lambda: None)
    people = [[embedding_text(rows[0]), embedding_text(rows[1])], [embedding_text(rows[2])]]
    assert ignored("c") == ()
    ignored.follow([json.dumps({"ignored": {"c": people}})])
    assert [one.tolist() for one in ignored("c")] == [rows[:2].tolist(), rows[2:].tolist()] and ignored("d") == ()
    ignored.follow([json.dumps({"ignored": {}})])
    assert ignored("c") == ()


def test_thumbnails_leave_the_process_only_where_they_are_kept_and_say_whom_they_show(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mien.scope import Doubt

    view = np.full((40, 30, 3), 90, np.uint8)
    known, stranger = (replace(event("left", known=known), thumbnail=view) for known in (True, False))
    assert stranger.person is not None
    doubt = Doubt(code="sharpness", value=-9.0, rate=None, holds=False, fmr=None)
    unsure = replace(stranger, person=replace(stranger.person, rests_on=(doubt,)))
    reporter = Reporter(keep_thumbnails=True)
    for one in (known, unsure, stranger, event("left", known=True)):
        reporter.event(one)
    Reporter().event(known)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["thumbnail"]["subject"] for one in lines[:3]] == ["id-1", "id-1", None]
    assert "thumbnail" not in lines[3] and "thumbnail" not in lines[4]
    assert simplejpeg.decode_jpeg(base64.b64decode(lines[0]["thumbnail"]["jpeg"])).shape == (40, 30, 3)


def test_an_image_is_given_once_for_each_wish_and_is_small(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter()
    image = np.full((900, 1600, 3), 90, np.uint8)
    frame = WatchedFrame(TrackedFrame(Frame(0, 0.0, image), (), (), detected=False), (), ())
    reporter.frame(frame)
    Ignored(reporter.want_image).follow([json.dumps({"preview": True})])
    reporter.frame(frame)
    reporter.frame(frame)
    (line,) = capsys.readouterr().out.splitlines()
    assert simplejpeg.decode_jpeg(base64.b64decode(json.loads(line)["preview"])).shape == (360, 640, 3)
