"""Follows faces from frame to frame by the overlap of their boxes, with constant velocity between them.

After SORT (Bewley et al., ICIP 2016) with smoothed velocities instead of its Kalman filter. A number belongs to one
face as long as it is seen, or lost for a few frames; it says nothing about who it is. Finds no faces.
"""

from dataclasses import dataclass, replace

import numpy as np

from mien.geometry import corners, iou
from mien.types import Faces, Floats, floats

OVERLAP = 0.3
"""IoU with the predicted box from which a face keeps its number (SORT's own)."""
SMOOTH = 0.5
"""Share of the old velocity that is kept at each frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A face that is followed.

    Attributes:
        number: its own.
        box: (4,) where it was seen last.
        velocity: (4,) pixels per frame.
        frame: in which it was seen last.
        seen: in how many frames.
    """

    number: int
    box: Floats
    velocity: Floats
    frame: int
    seen: int

    def at(self, frame: int) -> Floats:
        """Where it is thought to be in a frame."""
        return self.box + self.velocity * np.float32(frame - self.frame)


class Tracker:
    """Numbers the faces of consecutive frames."""

    def __init__(self, patience: int = 30) -> None:
        """
        Args:
            patience: frames for which a lost face keeps its number.
        """
        self._patience, self._tracks, self._next = patience, list[Track](), 1

    @property
    def count(self) -> int:
        """Numbers that were given so far."""
        return self._next - 1

    def follow(self, frame: int, faces: Faces) -> tuple[int, ...]:
        """The number of each face of a frame; frames come in order."""
        self._tracks = [track for track in self._tracks if frame - track.frame <= self._patience]
        boxes = corners(face.box for face in faces)
        predicted = floats([track.at(frame) for track in self._tracks]).reshape(-1, 4)
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
                track = self._tracks[owner[face]] = _moved(self._tracks[owner[face]], box, frame)
            else:
                track = Track(self._next, box, np.zeros(4, np.float32), frame, 1)
                self._tracks.append(track)
                self._next += 1
            numbers.append(track.number)
        return tuple(numbers)


def _moved(track: Track, box: Floats, frame: int) -> Track:
    now = (box - track.box) / np.float32(max(1, frame - track.frame))
    velocity = now if track.seen == 1 else SMOOTH * track.velocity + (1 - SMOOTH) * now
    return replace(track, box=box, velocity=floats(velocity), frame=frame, seen=track.seen + 1)
