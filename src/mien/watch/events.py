"""What watching says: one event each time something happens to a track or to its source. Writes and sends nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from mien.gallery.decide import Identification
from mien.gallery.threshold_policies import ThresholdPolicy
from mien.messages import Message
from mien.types import Image
from mien.watch.samples import Sample

Kind = Literal["appeared", "identified", "changed", "left", "camera-lost", "camera-back"]
DECIDED = ("identified", "changed", "left")
"""Kinds of events that have a decision."""
NOT_ASSESSED = "not assessed"
"""Whether the face is a living one and not a photograph or a screen: mien does not look for that in videos."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WatchEvent:
    """Something that happened.

    Attributes:
        kind: a track appeared, was identified, had its decision changed, or left; a camera was lost or is back.
        source: the file or camera, without credentials.
        seconds: of the source's time at which it happened; 0 is its first frame.
        wall: seconds since 1970 UTC of live sources; None of files.
        delay: seconds from when the frame was read to when the event was made; 0 of files.
        track: the number of the face; None where the event is about the source.
        start: seconds at which the track was seen first.
        end: seconds at which it was seen last.
        frames: in how many frames it was followed.
        samples: how many of its faces count.
        person: the decision; None where the track was not compared.
        was: the former decision of a track whose decision changed; else empty.
        policy: whose rate holds for the track.
        fmr: false match rate per comparison of a track with one subject, over all looks.
        reasons: why the track is unknown, or why a camera was lost.
        thumbnail: (h, w, 3) uint8 RGB, the best view of the face, at most 192 pixels along its longer side; None
            where there is none.
        unknown: the best samples, with portraits, of a track that left without a name; only where they are kept.
    """

    kind: Kind
    source: str
    seconds: float
    wall: float | None = None
    delay: float = 0.0
    track: int | None = None
    start: float = 0.0
    end: float = 0.0
    frames: int = 0
    samples: int = 0
    person: Identification | None = None
    was: str = ""
    policy: ThresholdPolicy | None = None
    fmr: float = 0.0
    reasons: Sequence[Message] = ()
    thumbnail: Image | None = field(default=None, repr=False)
    unknown: Sequence[Sample] = field(default=(), repr=False)

    @property
    def decision(self) -> str:
        """The subject's name, or unknown, uncertain."""
        return "unknown" if self.person is None else self.person.decision

    def as_json(self, language: str) -> dict[str, object]:
        """The event as one JSON value; the thumbnail is left out."""
        value: dict[str, object] = {"event": self.kind, "source": self.source, "seconds": round(self.seconds, 3)}
        if self.wall is not None:
            value["time"] = datetime.fromtimestamp(self.wall, UTC).isoformat(timespec="milliseconds")
            value["delay"] = round(self.delay, 3)
        if self.track is not None:
            value |= {"track": self.track, "start": round(self.start, 3), "end": round(self.end, 3)}
            value |= {"frames": self.frames, "samples": self.samples}
        if self.kind in DECIDED:
            value |= self._decided()
        if self.kind == "changed":
            value["was"] = self.was
        if self.reasons:
            value["reasons"] = [one.text(language) for one in self.reasons]
        return value

    def _decided(self) -> dict[str, object]:
        person, best = self.person, None
        if person is not None and person.candidates:
            best = person.candidates[0]
        return {
            "decision": self.decision,
            "subject": None if person is None else person.subject,
            "subject_id": None if person is None else person.subject_id,
            "score": None if best is None else round(best.score.value, 5),
            "unit": None if person is None else person.threshold.unit,
            "threshold": None if person is None else person.threshold.value,
            "policy": str(self.policy),
            "fmr": self.fmr,
            "presentation_attacks": NOT_ASSESSED,
        }
