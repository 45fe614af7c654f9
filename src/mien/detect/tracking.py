"""Follows faces from frame to frame by the overlap of their boxes, with constant velocity between them.

Times are seconds, since the rate of frames may vary within a video. Between frames in which faces are sought, a
face can be carried along by what moves in the image (mien.detect.motion). After SORT (Bewley et al., ICIP 2016) with
smoothed velocities instead of its Kalman filter. A number belongs to one face as long as it is seen, or lost for a
short time; it says nothing about who it is. Finds no faces.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mien.geometry import corners, iou
from mien.types import Box, Faces, Floats, floats

OVERLAP = 0.3
"""IoU with the predicted box from which a face keeps its number (SORT's own)."""
MIN_STEP = 1e-3
"""Minimum time between two frames, in seconds: none is shown for a shorter time."""
SMOOTH = 0.5
"""Share of the old velocity that is kept at each frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A face that is followed.

    Attributes:
        number: its own.
        box: (4,) where it was seen last.
        velocity: (4,) pixels per second.
        time: when it was seen last.
        seen: in how many frames.
        carried: where it was carried to since then, and when; None where it was not.
    """

    number: int
    box: Floats
    velocity: Floats
    time: float
    seen: int
    carried: tuple[Floats, float] | None = None

    def at(self, time: float) -> Floats:
        """Where it is thought to be at a time."""
        box, since = self.carried or (self.box, self.time)
        return box + self.velocity * np.float32(time - since)


class Tracker:
    """Numbers the faces of consecutive frames."""

    def __init__(self, patience: float = 1.0) -> None:
        """
        Args:
            patience: seconds for which a lost face keeps its number.
        """
        self._patience, self._tracks, self._next = patience, list[Track](), 1

    @property
    def count(self) -> int:
        """Numbers that were given so far."""
        return self._next - 1

    def carry(self, time: float, boxes: Mapping[int, Box]) -> None:
        """Move faces to where they are at a time, by their numbers; they count as seen no later than before."""
        self._tracks = [
            replace(one, carried=(floats(boxes[one.number].corners), time)) if one.number in boxes else one
            for one in self._tracks
        ]

    def forget(self) -> None:
        """Lose all faces: the next ones get new numbers, as after a cut to another scene."""
        self._tracks = []

    def follow(self, time: float, faces: Faces) -> tuple[int, ...]:
        """The number of each face of a frame, by the time at which it is shown; frames come in order."""
        self._tracks = [track for track in self._tracks if time - track.time <= self._patience]
        boxes = corners(face.box for face in faces)
        predicted = floats([track.at(time) for track in self._tracks]).reshape(-1, 4)
        overlaps = iou(boxes, predicted)
        owner: dict[int, int] = {}
        # The surest pair first: with the few faces of a frame this hardly differs from the best assignment.
        for place in np.argsort(-overlaps, axis=None, kind="stable").tolist():
            face, track = divmod(place, len(self._tracks))
            if overlaps[face, track] < OVERLAP:
                break
            if face not in owner and track not in owner.values():
                owner[face] = track
        numbers = []
        for face, box in enumerate(boxes):
            if face in owner:
                track = self._tracks[owner[face]] = _moved(self._tracks[owner[face]], box, time)
            else:
                track = Track(self._next, box, np.zeros(4, np.float32), time, 1)
                self._tracks.append(track)
                self._next += 1
            numbers.append(track.number)
        return tuple(numbers)


def _moved(track: Track, box: Floats, time: float) -> Track:
    now = (box - track.box) / np.float32(max(MIN_STEP, time - track.time))
    velocity = now if track.seen == 1 else SMOOTH * track.velocity + (1 - SMOOTH) * now
    return replace(track, box=box, velocity=floats(velocity), time=time, seen=track.seen + 1, carried=None)
