"""Events as JSON: who, score, threshold, samples and times; never a picture or an embedding."""

import json

from mien.gallery.decide import Candidate, Identification
from mien.gallery.threshold_policies import parse_policy
from mien.messages import Message
from mien.types import Score
from mien.watch.events import WatchEvent
from watch.conftest import threshold


def test_an_identified_track_says_who_by_which_score_and_at_which_rate() -> None:
    best = Candidate("Mrs Red", Score(0.91, "cosine", "c"), 4, "id-1")
    person = Identification(subject="Mrs Red", candidates=(best,), threshold=threshold(0.8))
    event = WatchEvent(
        kind="identified",
        source="door.mp4",
        seconds=2.5,
        wall=1_700_000_000.25,
        delay=0.125,
        track=3,
        start=1.0,
        end=2.5,
        frames=40,
        samples=8,
        person=person,
        policy=parse_policy("fmr:1e-3"),
        fmr=4e-4,
    )
    assert json.loads(json.dumps(event.as_json("en"))) == {
        "event": "identified",
        "source": "door.mp4",
        "seconds": 2.5,
        "time": "2023-11-14T22:13:20.250+00:00",
        "delay": 0.125,
        "track": 3,
        "start": 1.0,
        "end": 2.5,
        "frames": 40,
        "samples": 8,
        "decision": "Mrs Red",
        "subject": "Mrs Red",
        "subject_id": "id-1",
        "score": 0.91,
        "unit": "cosine",
        "threshold": 0.8,
        "policy": "fmr:0.001",
        "fmr": 4e-4,
        "presentation_attacks": "not assessed",
    }


def test_an_event_of_the_source_has_no_track_and_a_reason_in_the_language_of_the_reader() -> None:
    event = WatchEvent(kind="camera-lost", source="camera:0", seconds=9, reasons=(Message("watch.not-seen"),))
    assert set(event.as_json("en")) == {"event", "source", "seconds", "reasons"}
    assert event.as_json("vi")["reasons"] != event.as_json("en")["reasons"]


def test_a_track_that_was_never_compared_is_unknown() -> None:
    value = WatchEvent(kind="left", source="a", seconds=1, track=1, policy=parse_policy("fmr:1e-3")).as_json("en")
    assert (value["decision"], value["subject"], value["score"]) == ("unknown", None, None)
