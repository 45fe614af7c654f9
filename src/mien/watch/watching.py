"""Watches a video or a camera to its end: opens it, the gallery and the models, and gives events as they happen.

Draws nothing; whoever writes an annotated copy takes each frame from `on_frame`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, time

from mien.detect.stream import TrackedFrame, follow
from mien.detect.tracking import Tracker
from mien.gallery.gallery import Gallery
from mien.gallery.identity import recognizer_of
from mien.gallery.threshold_policies import ThresholdPolicy, parse_policy
from mien.messages import Message
from mien.models import store
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import Pipeline, open_pipeline
from mien.progress import OnProgress, no_progress, report_progress
from mien.scope import scope_policy
from mien.settings import load_settings
from mien.types import Image
from mien.video import LiveSource, SourceState, Video, end_of_live, is_live, write_video
from mien.watch.events import Kind, WatchEvent
from mien.watch.looks import LookPlan, Plans, plan_looks
from mien.watch.watcher import FindIgnored, WatchedFrame, Watcher, WatchSetting, ignore_nobody, make_likeness

STAGE = "watching"
DETECTIONS = 5.0
"""Detections per second, where no other number of frames is asked for."""
AHEAD = 8
"""Frames of a file that are read ahead, so that faces of coming frames are detected while these are compared."""

MAX_KEPT = 10_000
"""Events of a live source that the report has."""

OnEvent = Callable[[WatchEvent], None]
OnFrame = Callable[[WatchedFrame], None]
Draw = Callable[[WatchedFrame], Image]


def ignore_event(event: WatchEvent) -> None:
    """Wait for the report; the default of functions that take a callback."""


def no_drawing(frame: WatchedFrame) -> Image:
    """The frame as it is."""
    return frame.seen.frame.image


def ignore_frame(frame: WatchedFrame) -> None:
    """Keep nothing of frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReport:
    """What came of watching a source.

    Attributes:
        source: the file or camera.
        events: all that happened, in order; of live sources the last 10,000, without thumbnails.
        frames: how many were watched.
        detections: in how many of them faces were sought.
        seconds: how long it took.
        plan: when tracks were compared, and at which rate.
        notes: for whom the rate holds, where that has to be said.
        error: why the source could not be read to its end; None otherwise.
        copy_note: a sentence where the annotated copy lacks the sound of the original; else empty.
    """

    source: str
    events: tuple[WatchEvent, ...] = field(repr=False)
    frames: int
    detections: int
    seconds: float
    plan: LookPlan
    notes: tuple[Message, ...] = ()
    error: str | None = None
    copy_note: str = ""

    @property
    def tracks(self) -> tuple[WatchEvent, ...]:
        """The last word on each track, in the order in which they left."""
        return tuple(one for one in self.events if one.kind == "left")

    @property
    def decisions(self) -> Counter[str]:
        """How many tracks were decided how."""
        return Counter(one.decision for one in self.tracks)


def watch_source(
    gallery: str | Path,
    source: str,
    *,
    policy: ThresholdPolicy | None = None,
    every: int | None = None,
    detector: str | None = None,
    recognizer: str | None = None,
    scope: str | None = None,
    options: EngineOptions = DEFAULT_OPTIONS,
    keep_unknown: bool = False,
    ignored: FindIgnored = ignore_nobody,
    copy_to: Path | None = None,
    draw: Draw = no_drawing,
    on_event: OnEvent = ignore_event,
    on_frame: OnFrame = ignore_frame,
    on_progress: OnProgress = no_progress,
) -> WatchReport:
    """Watch a video file or a camera, and decide once for each followed face who it is.

    Args:
        gallery: path or address.
        source: a file, camera:N, or the address of an RTSP or MJPEG stream; the last two end when they are
            interrupted.
        policy: the error rate of a track; by default `fmr:` with the setting identification_fmr.
        every: detect in every n-th frame; by default about 5 times per second.
        detector: a model's name or the path of its card; by default the one of the settings.
        recognizer: as detector; by default the gallery's own.
        scope: as in mien.identify; what is outside does not count as a sample, unless it is "ignore".
        options: engine options; of a live source, each model has one thread unless they say otherwise.
        keep_unknown: whether the event of a track that leaves without a name has its samples.
        ignored: gives the samples of each person of whom nothing is said, for an embedding contract.
        copy_to: write each frame as `draw` gives it to this MP4 file; nobody may read it before this returns.
        draw: draws on a frame.
        on_event: called with each event as it happens.
        on_frame: called with each frame, after its events.
        on_progress: called after each frame.

    Raises:
        ImageError: the source cannot be opened, or the copy cannot be written whole.
        ContractError: the gallery holds another model's embeddings.
        CardError: nothing measured shows the policy's rate; of a live source also later, for the people of then.

    Example:
        >>> report = mien.watch_source("staff.gallery", "door.avi")
        >>> report.decisions["Eileen Collins"]
        1
    """
    settings = load_settings()
    model = store.load(recognizer_of(gallery, recognizer))
    video = LiveSource(source) if is_live(source) else Video(source)
    with ExitStack() as open_things:
        if isinstance(video, LiveSource):
            # Its thread would hold the camera, whatever happens before the first frame is taken.
            open_things.callback(video.close)
        opened = open_things.enter_context(closing(Gallery.open(gallery, model.card)))
        plan = plan_looks(policy or parse_policy(f"fmr:{settings.identification_fmr:g}"), opened.store, model.card)
        options = options_for(options, live=isinstance(video, LiveSource))
        pipeline = open_pipeline(detector or settings.detector, str(model.folder), options, many=False)
        assert pipeline.recognizer is not None
        setting = WatchSetting(
            gallery=opened,
            recognizer=pipeline.recognizer,
            plan=plan,
            likeness=make_likeness(model.card, plan.chosen.threshold),
            scope=scope_policy(scope),
            keep_unknown=keep_unknown,
            ignored=ignored,
        )
        watcher = Watcher(video.name, setting, pause_of(every, video.rate))
        plans = Plans(plan, opened.store, model.card)
        if copy_to is None:
            return _Run(video, pipeline, watcher, plans, on_event, on_frame).report(on_progress)
        with write_video(copy_to, video) as copy:

            def keep(watched: WatchedFrame) -> None:
                copy.add(draw(watched), watched.seen.frame.seconds)
                on_frame(watched)

            report = _Run(video, pipeline, watcher, plans, on_event, keep).report(on_progress)
        return replace(report, copy_note=copy.note)


def options_for(options: EngineOptions, *, live: bool) -> EngineOptions:
    """The options for a source: models of a live one have a thread each, unless another number is asked for.

    Threads of one inference wait for each other, and on a busy machine the slowest decides: the delay of a frame
    then grows with their number. Five detections per second leave a single core time.
    """
    return replace(options, threads=options.threads or 1) if live else options


def pause_of(every: int | None, rate: float) -> float:
    """Seconds from one detection to the next.

    Args:
        every: detect in every n-th frame; None for about 5 times per second.
        rate: frames per second; 0 where it is not known.
    """
    if every is None:
        return 1 / DETECTIONS
    return 0.0 if every == 1 else every / (rate or 25.0)


@dataclass(slots=True)
class _Run:
    video: Video | LiveSource
    pipeline: Pipeline
    watcher: Watcher
    plans: Plans
    on_event: OnEvent
    on_frame: OnFrame
    events: list[WatchEvent] = field(default_factory=list)
    frames: int = 0
    detections: int = 0
    last: float = 0.0

    def report(self, on_progress: OnProgress) -> WatchReport:
        """Watch to the end; a fault of the source ends it, and what was seen until then stands."""
        began, video = monotonic(), self.video
        if isinstance(video, LiveSource):
            video.listen(self._state, self._idle)
        with end_of_live(video.name):
            for watched in report_progress(self._frames(), STAGE, video.frames or None, on_progress):
                self._pass_on(watched)
        for event in self.watcher.finish(self.last):
            self._emit(event)
        plan = self.watcher.setting.plan
        return WatchReport(
            source=video.name,
            events=tuple(self.events),
            frames=self.frames,
            detections=self.detections,
            seconds=monotonic() - began,
            plan=plan,
            notes=plan.chosen.notes,
            error=video.fault or None,
        )

    def _frames(self) -> Iterator[WatchedFrame]:
        tracker = Tracker(self.watcher.patience)
        seen: TrackedFrame
        ahead = 0 if isinstance(self.video, LiveSource) else AHEAD
        for seen in follow(self.pipeline.detector, self.video, tracker, self.watcher.pause, ahead):
            if isinstance(self.video, LiveSource):
                # A camera may be watched for months, while people are enrolled and erased.
                self.watcher.setting = replace(self.watcher.setting, plan=self.plans.current(seen.frame.seconds))
            yield self.watcher.step(seen)

    def _pass_on(self, watched: WatchedFrame) -> None:
        self.frames += 1
        self.detections += watched.seen.detected
        self.last = watched.seen.frame.seconds
        for event in watched.events:
            self._emit(event)
        self.on_frame(watched)

    def _state(self, state: SourceState) -> None:
        """The source was lost, or is back."""
        reasons = (Message(f"watch.lost-{state.reason}"),) if state.reason else ()
        kind: Kind = "camera-lost" if state.kind == "lost" else "camera-back"
        self._emit(WatchEvent(kind=kind, source=self.video.name, seconds=state.seconds, reasons=reasons))

    def _idle(self, now: float) -> None:
        """No frame comes: those who were in sight leave all the same."""
        self.last = now
        for event in self.watcher.idle(now):
            self._emit(event)

    def _emit(self, event: WatchEvent) -> None:
        if isinstance(self.video, LiveSource):
            now = time()
            event = replace(event, wall=now, delay=max(0.0, self.video.now() - event.seconds))
            # A camera may be watched for months.
            self.events.append(replace(event, thumbnail=None, unknown=()))
            del self.events[:-MAX_KEPT]
        else:
            self.events.append(event)
        self.on_event(event)
