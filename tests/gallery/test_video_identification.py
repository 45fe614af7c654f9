"""Followed faces: one decision each, on the best view within the scope, chosen without a look at the gallery."""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from mien.detect.stream import TrackedFrame
from mien.errors import DegenerateLandmarksError
from mien.gallery import video_identification as module
from mien.gallery.video_identification import VIEWS, _Decider, _follow, _Followed
from mien.scope import Scope
from mien.types import Box, Face, Faces, Image
from mien.video import Frame

POINTS = np.asarray([(30, 40), (60, 40), (45, 60), (33, 80), (57, 80)], np.float32)


def face(side: float, score: float = 0.9) -> Face:
    return Face(Box(10, 10, 10 + side, 10 + side), score, POINTS)


def frame(number: int, faces: Faces, numbers: tuple[int, ...]) -> TrackedFrame:
    return TrackedFrame(Frame(number, number / 10, np.full((120, 120, 3), number, np.uint8)), faces, numbers)


@dataclass
class Recognizer:
    """Its crop is the shade of the frame, and its embedding too."""

    embedded: list[int] = field(default_factory=list)
    broken: int = -1

    def align(self, image: Image, face: Face) -> Image:
        if int(image[0, 0, 0]) == self.broken:
            raise DegenerateLandmarksError("no pose")
        return np.full((4, 4, 3), image[0, 0, 0], np.uint8)

    def embed(self, crops: Image) -> Any:
        self.embedded += [int(crop[0, 0, 0]) for crop in crops]
        return np.zeros((len(crops), 8), np.float32)


class Gallery:
    """It knows nobody."""

    def identify(self, embeddings: Any, *rest: object, **named: object) -> list[str]:
        return ["unknown"] * len(embeddings)


def decider(recognizer: Recognizer, policy: Any) -> _Decider:
    return _Decider(Gallery(), "a.mp4", recognizer, None, 5, policy, lambda track: None)  # type: ignore[arg-type]


def followed(sides: list[float], recognizer: Recognizer) -> dict[int, _Followed]:
    tracks: dict[int, _Followed] = {}
    for number, side in enumerate(sides):
        _follow(tracks, frame(number, (face(side),), (7,)), recognizer)  # type: ignore[arg-type]
    return tracks


def test_the_largest_views_are_kept_and_never_more_than_a_few() -> None:
    track = followed([10, 30, 20, 50, 40, 15, 60, 5], Recognizer())[7]
    assert [view.at for view in track.views] == pytest.approx([0.6, 0.3, 0.4, 0.1, 0.2])
    assert len(track.views) == VIEWS and track.frames == 8 and (track.start, track.end) == (0, 0.7)


def test_one_view_is_decided_on_the_best_one_within_the_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = Recognizer()
    tracks = followed([10, 30, 20, 50], recognizer)
    blurred = MappingProxyType({})
    monkeypatch.setattr(
        module, "find_scope", lambda cutout, one: Scope(blurred, ("blur",) if one.box.width > 25 else ())
    )
    monkeypatch.setattr(module, "doubts_about", lambda scope, threshold: ())
    warned = decider(recognizer, "warn")
    warned.decide(tracks)
    assert recognizer.embedded == [2], "20 pixels and sharp, before 50 and 30 that are not"
    assert warned.tracks[0].at == pytest.approx(0.2) and warned.tracks[0].frames == 4
    decider(recognizer, "ignore").decide(tracks)
    assert recognizer.embedded == [2, 3]
    monkeypatch.setattr(module, "find_scope", lambda cutout, one: Scope(blurred, ("blur",)))
    decider(recognizer, "warn").decide(tracks)
    assert recognizer.embedded == [2, 3, 3], "the best of all where none is within the scope"


def test_a_face_without_a_pose_is_counted_and_not_decided_on() -> None:
    recognizer = Recognizer(broken=0)
    tracks = followed([10], recognizer)
    unseen = decider(recognizer, "warn")
    unseen.decide(tracks)
    assert unseen.unseen == 1 and unseen.tracks == [] and recognizer.embedded == []
