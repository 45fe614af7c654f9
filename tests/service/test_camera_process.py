"""What a camera's process writes has ids of subjects, and no name, address or image."""

import io
import json
import sys

import pytest

from mien.gallery.decide import Candidate, Identification
from mien.messages import Message
from mien.service.camera_process import Reporter, event_body, main
from mien.types import Score, Threshold
from mien.watch.events import Kind, WatchEvent

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
    }

    class Input(io.StringIO):
        def read(self, size: int | None = -1) -> str:
            raise OSError("the thread that waits for the end has nothing to wait for here")

    monkeypatch.setattr(sys, "stdin", Input(json.dumps(asked) + "\n"))
    monkeypatch.setattr("mien.service.camera_process._end_with_input", lambda: None)
    assert main() == 1
    said = json.loads(capsys.readouterr().out)["failed"]
    assert said.startswith("the camera cannot be opened") and "secret" not in said and "127.0.0.1" not in said
