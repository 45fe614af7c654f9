"""Identification of videos and cameras: every followed face is searched once in a gallery, with one decision.

A decision rests on one view of the face: the largest and surest of those within the scope of the recognizer. Views
are chosen without a look at the gallery, so that the false match rate of the threshold holds for a followed face as
it does for a photograph. The best of many decisions would raise it, and the mean of several embeddings is another
kind of sample than the one that the threshold was measured on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mien.align import cut_out
from mien.detect.redaction import cut
from mien.detect.stream import TrackedFrame, watch
from mien.detect.tracking import Tracker
from mien.errors import DegenerateLandmarksError, ImageError
from mien.faults import describe
from mien.gallery.decide import Identification
from mien.gallery.gallery import Gallery
from mien.pipeline import Pipeline
from mien.progress import OnProgress, no_progress, report_progress
from mien.recognize.recognizer import Recognizer
from mien.scope import Scope, ScopePolicy, doubts_about, find_scope
from mien.types import Cutout, Face, Image, Threshold
from mien.video import Video, end_of_live

STAGE = "identifying"
VIEWS = 5
"""Maximum number of views of a followed face that are kept until it is decided on."""
PATIENCE = 1.0
"""Seconds for which a lost face keeps its number."""
PATIENT_FRAMES = 3
"""Frames for which it does at least, in videos of a few frames per second."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class IdentifiedTrack:
    """Who a followed face is.

    Attributes:
        video: the file or camera.
        number: of the face in the video; the first is 1.
        start: seconds when it was seen first.
        end: seconds when it was seen last.
        frames: in how many it was seen.
        at: seconds of the view that was decided on.
        face: in pixels of that frame.
        image: (h, w, 3) uint8 RGB, the face with its surroundings.
        person: the decision, with its candidates.
        scope: whether measured rates hold for it; None where the policy ignores that.
    """

    video: str
    number: int
    start: float
    end: float
    frames: int
    at: float
    face: Face
    image: Image = field(repr=False)
    person: Identification
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class IdentifiedVideo:
    """Who was found in one video.

    Attributes:
        name: the file or camera.
        tracks: in the order in which they ended.
        frames: how many were analysed.
        unseen: followed faces of which no view could be aligned.
        error: why it could not be read, or not to its end; None otherwise.
    """

    name: str
    tracks: tuple[IdentifiedTrack, ...] = ()
    frames: int = 0
    unseen: int = 0
    error: str | None = None


OnTrack = Callable[[IdentifiedTrack], None]


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    worth: float
    at: float
    face: Face
    crop: Image
    cutout: Cutout
    image: Image


@dataclass(slots=True)
class _Followed:
    """A face that is followed, with its best views, the best first."""

    start: float
    end: float
    frames: int = 0
    views: list[_View] = field(default_factory=list)


def identify_video(
    gallery: Gallery,
    name: str,
    pipeline: Pipeline,
    threshold: Threshold,
    count: int = 5,
    policy: ScopePolicy = "warn",
    *,
    on_track: OnTrack = lambda track: None,
    on_progress: OnProgress = no_progress,
) -> IdentifiedVideo:
    """Decide for every followed face of a video or a camera who it is; a camera ends when it is interrupted.

    Args:
        gallery: is open.
        name: a file, or camera:N.
        pipeline: opened with a detector and the gallery's recognizer.
        threshold: what decides.
        count: maximum number of candidates per face.
        policy: what to do with a face for which the measured rate does not hold.
        on_track: called with each followed face when it has left.
        on_progress: called after every frame.

    Raises:
        ContractError: the threshold was measured for another model than the gallery's.
    """
    try:
        video = Video(name)
    except ImageError as reason:
        return IdentifiedVideo(name, error=str(reason))
    assert pipeline.recognizer is not None
    patience = max(PATIENCE, PATIENT_FRAMES / video.rate if video.rate else 0.0)
    tracker, open_tracks = Tracker(patience), dict[int, _Followed]()
    decider = _Decider(gallery, name, pipeline.recognizer, threshold, count, policy, on_track)
    frames, error = 0, ""
    try:
        with end_of_live(name):
            seen_frames = watch(pipeline.detector, video, tracker, pipeline.workers)
            for seen in report_progress(seen_frames, STAGE, video.frames or None, on_progress):
                frames += 1
                _follow(open_tracks, seen, pipeline.recognizer)
                left = [n for n, one in open_tracks.items() if seen.frame.seconds - one.end > patience]
                decider.decide({number: open_tracks.pop(number) for number in left})
        decider.decide(open_tracks)
    except Exception as reason:  # noqa: BLE001 - whatever one video does harms no other
        error = describe(reason, name)
    return IdentifiedVideo(name, tuple(decider.tracks), frames, decider.unseen, error or video.fault or None)


def _follow(tracks: dict[int, _Followed], seen: TrackedFrame, recognizer: Recognizer) -> None:
    """Take in the faces of a frame; of each the best views are kept as crops, not as frames."""
    at = seen.frame.seconds
    for number, face in zip(seen.numbers, seen.faces, strict=True):
        track = tracks.setdefault(number, _Followed(at, at))
        track.end, track.frames = at, track.frames + 1
        worth = face.score * face.box.area**0.5
        if len(track.views) == VIEWS and worth <= track.views[-1].worth:
            continue
        try:
            crop = recognizer.align(seen.frame.image, face)
        except DegenerateLandmarksError:
            continue
        part = cut(seen.frame.image, face.box)
        track.views.append(_View(worth, at, face, crop, cut_out(seen.frame.image, face), part))
        track.views.sort(key=lambda view: -view.worth)
        del track.views[VIEWS:]


@dataclass(slots=True)
class _Decider:
    gallery: Gallery
    name: str
    recognizer: Recognizer
    threshold: Threshold
    count: int
    policy: ScopePolicy
    on_track: OnTrack
    tracks: list[IdentifiedTrack] = field(default_factory=list)
    unseen: int = 0

    def decide(self, left: dict[int, _Followed]) -> None:
        """Decide on faces that have left."""
        seen = {number: one for number, one in left.items() if one.views}
        self.unseen += len(left) - len(seen)
        if not seen:
            return
        chosen = {number: self._choose(one) for number, one in seen.items()}
        embeddings = self.recognizer.embed(np.stack([view.crop for view, _ in chosen.values()]))
        doubts = [doubts_about(scope, self.threshold) if scope else () for _, scope in chosen.values()]
        people = self.gallery.identify(
            embeddings, self.threshold, self.count, doubts=doubts, demand=self.policy == "demand"
        )
        for (number, (view, scope)), person in zip(chosen.items(), people, strict=True):
            track = IdentifiedTrack(
                video=self.name,
                number=number,
                start=seen[number].start,
                end=seen[number].end,
                frames=seen[number].frames,
                at=view.at,
                face=view.face,
                image=view.image,
                person=person,
                scope=scope,
            )
            self.tracks.append(track)
            self.on_track(track)

    def _choose(self, track: _Followed) -> tuple[_View, Scope | None]:
        """The best view within the scope; the best of all where there is none."""
        if self.policy == "ignore":
            return track.views[0], None
        best, *others = track.views
        of_best = find_scope(best.cutout, best.face)
        if of_best.outside:
            # Most often the best view is within; measuring takes as long as half a detection.
            for view in others:
                if not (scope := find_scope(view.cutout, view.face)).outside:
                    return view, scope
        return best, of_best
