"""Measures detectors for a survey: what they are, how fast, how much memory, how well; each in a process of its own.

Start-up time and memory are then those of one detector, and one that takes too long is stopped without the loss of
what it measured. What is timed is in mien.evaluate.detectors.timing; images whose faces are counted or shown go
through the pipeline, and one that cannot be read is a problem that harms no other image. Compares no detectors; see
survey_report.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mien.data.annotated import AnnotatedSet, read_annotated
from mien.data.sample import Problem
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.errors import ManifestError
from mien.evaluate.detectors.identity import COUNTED, DetectorIdentity, identify
from mien.evaluate.detectors.portraits import Central, found_central, found_filling
from mien.evaluate.detectors.report import detection_report
from mien.evaluate.detectors.run import MIN_SCORE, DetectedSet, detect_set, name_of
from mien.evaluate.detectors.spoken import Stopped, spoken_by
from mien.evaluate.detectors.timing import (
    FULL,
    QUICK,
    SIZES,
    TimeBudget,
    Timing,
    frames_per_second,
    peak_memory,
    sample_image,
    time_detector,
)
from mien.evaluate.report import Report
from mien.faults import describe
from mien.image import find_images
from mien.models.engines import usable_cores
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import Pipeline
from mien.progress import OnProgress, no_progress, report_progress
from mien.rates import Estimate
from mien.types import Faces

QUICK_IMAGES = 40
"""Maximum number of images of each set in a quick survey."""
MAX_SHOWN = 3
"""Images that are shown side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured.

    Attributes:
        sets: annotated data sets.
        portraits: a folder of images with one face in the middle each, not annotated.
        video: a file, or None.
        max_images: maximum number of images of each set; the first ones.
        shown: images whose faces are kept and shown side by side.
        sizes: width and height of the images that are timed.
        engine: how detectors run.
        budget: how long the parts may take.
    """

    sets: tuple[Path, ...] = ()
    portraits: Path | None = None
    video: Path | None = None
    max_images: int = 200
    shown: tuple[Path, ...] = ()
    sizes: tuple[tuple[int, int], ...] = SIZES
    engine: EngineOptions = DEFAULT_OPTIONS
    budget: TimeBudget = FULL


def make_plan(
    sets: Sequence[Path] = (),
    *,
    portraits: Path | None = None,
    video: Path | None = None,
    images: Path | None = None,
    max_images: int = 200,
    sizes: Sequence[tuple[int, int]] = (),
    engine: EngineOptions = DEFAULT_OPTIONS,
    quick: bool = False,
) -> Plan:
    """A plan whose files exist, so that no detector runs in vain.

    Args:
        sets: annotated data sets.
        portraits: see Plan.
        video: see Plan.
        images: a folder of images to show side by side; None takes the first image of each set.
        max_images: see Plan.
        sizes: see Plan; none takes four from 320x240 to 1920x1080.
        engine: see Plan.
        quick: a first look: one size, 40 images of each set at most, and a minute per detector at most.

    Raises:
        ManifestError: a set cannot be read, or a file or an image is missing.
    """
    annotated = [read_annotated(path) for path in sets]
    shown = find_images(images)[:MAX_SHOWN] if images is not None else []
    if images is not None and not shown:
        raise ManifestError(f"{images} does not hold images")
    for path in (portraits, video):
        if path is not None and not path.exists():
            raise ManifestError(f"{path} does not exist")
    first = [one.path for each in annotated for one in each.images[:1]][:MAX_SHOWN]
    return Plan(
        sets=tuple(sets),
        portraits=portraits,
        video=video,
        max_images=min(QUICK_IMAGES, max_images) if quick else max_images,
        shown=tuple(shown or first),
        sizes=tuple(sizes or ((COUNTED,) if quick else SIZES)),
        engine=engine,
        budget=QUICK if quick else FULL,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Surveyed:
    """Everything about one detector.

    Attributes:
        name: its name.
        identity: what it is.
        fault: why it could not be measured, or empty.
        unfinished: why only a part was measured, or empty.
        start: seconds until it had searched its first image.
        memory: peak memory of its process in MB, after what is timed.
        timings: by size and batch.
        frames_per_second: of the plan's video, with decoding; None without one.
        reports: of each set.
        filling: by set, the share of portraits found whose face fills the frame.
        central: of the plan's portraits; None without them.
        shown: by path, the faces of the images that are shown and can be read.
        problems: images that could not be read.
    """

    name: str
    identity: DetectorIdentity
    fault: str = ""
    unfinished: str = ""
    start: float = 0.0
    memory: int = 0
    timings: tuple[Timing, ...] = ()
    frames_per_second: float | None = None
    reports: dict[str, Report] = field(default_factory=dict)
    filling: dict[str, Estimate] = field(default_factory=dict)
    central: Central | None = None
    shown: dict[str, Faces] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


OnSurveyed = Callable[[list[Surveyed]], None]
OnPart = Callable[[Surveyed], None]


def survey(
    names: Sequence[str],
    plan: Plan,
    *,
    on_surveyed: OnSurveyed = lambda done: None,
    on_progress: OnProgress = no_progress,
) -> list[Surveyed]:
    """Measure detectors one after another.

    Args:
        names: of the detectors, in the order in which they are measured; see mien.evaluate.detectors.estimate.
        plan: what is measured; see make_plan.
        on_surveyed: called after each detector with all that are done, so that they can be kept.
        on_progress: called after each detector.

    Example:
        >>> from mien.evaluate.detectors.survey import make_plan
        >>> found = mien.survey_detectors(["my-detector"], make_plan(sizes=[(320, 240)]))
        >>> [(one.name, len(one.timings)) for one in found]
        [('my-detector', 2)]
    """
    done: list[Surveyed] = []
    for name in report_progress(names, "detectors", len(names), on_progress):
        done.append(in_own_process(name, plan))
        on_surveyed(list(done))
    return done


def in_own_process(name: str, plan: Plan) -> Surveyed:
    """Measure one detector in a process of its own, which is stopped at the plan's limit."""
    answers = spoken_by(_measure_aloud, (name, plan), plan.budget.limit)
    last: Surveyed | None = None
    ended = "its process ended early, by its own fault or because memory ran out"
    for answer in answers:
        if isinstance(answer, Stopped):
            ended = f"stopped after {plan.budget.limit:.0f} seconds"
            break
        part: Surveyed = answer[0]
        if answer[1]:
            return part
        last = part
    return _failed(name, ended) if last is None else replace(last, unfinished=ended)


def _measure_aloud(say: Callable[[tuple[Surveyed, bool]], None], name: str, plan: Plan) -> None:
    """Measure a detector, and say after each part what there is; the work of the other process."""
    say((measure(name, plan, on_part=lambda part: say((part, False))), True))


def _failed(name: str, fault: str) -> Surveyed:
    return Surveyed(name=name, identity=DetectorIdentity(weights="", licence=""), fault=fault)


def measure(name: str, plan: Plan, *, on_part: OnPart = lambda part: None) -> Surveyed:
    """Measure one detector in this process; `on_part` is called with what there is after each part."""
    try:
        began = time.perf_counter()
        detector = open_detector(name, plan.engine)
        detector.detect([np.zeros((*COUNTED[::-1], 3), np.uint8)])
        done = Surveyed(name=name, identity=identify(name), start=time.perf_counter() - began)
        on_part(done)
        sample = sample_image(plan.shown)
        for size in plan.sizes:
            for batch in plan.budget.batches:
                timing = time_detector(detector, sample, size, batch, plan.budget.timing)
                done = replace(done, timings=(*done.timings, timing), memory=peak_memory())
                on_part(done)
        if plan.video is not None:
            speed = frames_per_second(detector, plan.video, plan.budget.video)
            done = replace(done, frames_per_second=speed, memory=peak_memory())
            on_part(done)
        return _with_quality(done, detector, plan, affordable(plan.max_images, done.timings, plan.budget), on_part)
    except Exception as reason:  # noqa: BLE001 - one detector's fault, whatever it is
        return _failed(name, describe(reason, name))


def _with_quality(done: Surveyed, detector: Detector, plan: Plan, max_images: int, on_part: OnPart) -> Surveyed:
    options = replace(plan.engine, streams=usable_cores())
    low = open_detector(done.name, options, MIN_SCORE)
    reports, filling, problems = {}, {}, list[Problem]()
    for path in plan.sets:
        annotated = read_annotated(path)
        title, found = name_of(path), _detect(low, annotated, path, max_images)
        reports[title] = detection_report(found).model_copy(update={"galleries": (), "charts": ()})
        problems += found.problems
        rate = found_filling(detector, annotated, max(1, max_images // 3))
        if rate is not None:
            filling[title] = rate
        done = replace(done, reports=dict(reports), filling=dict(filling), problems=tuple(dict.fromkeys(problems)))
        on_part(done)
    central = found_central(detector, plan.portraits, max_images) if plan.portraits is not None else None
    shown = list(Pipeline(detector, None).analyse(plan.shown))
    problems += central.problems if central is not None else ()
    problems += [Problem(one.name, one.error) for one in shown if one.error is not None]
    return replace(
        done,
        reports=reports,
        filling=filling,
        central=central,
        shown={one.name: one.faces for one in shown if one.error is None},
        problems=tuple(dict.fromkeys(problems)),
    )


def affordable(max_images: int, timings: Sequence[Timing], budget: TimeBudget = FULL) -> int:
    """How many images of a set a detector can take within the time budget."""
    slow = max((one.median for one in timings if (one.width, one.height) == COUNTED), default=1.0)
    return max(budget.min_images, min(max_images, int(1000 * budget.per_set / slow)))


def _detect(detector: Detector, annotated: AnnotatedSet, path: Path, max_images: int) -> DetectedSet:
    """The first images of a set; rows that could not be used are the set's problems, not the detector's."""
    return detect_set(detector, replace(annotated, images=annotated.images[:max_images], problems=()), path)
