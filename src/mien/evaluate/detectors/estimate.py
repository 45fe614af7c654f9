"""How long a survey of detectors will take, from one image each, so that it can be said before it begins."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mien.detect.families import open_detector
from mien.errors import MienError
from mien.evaluate.detectors.identity import COUNTED
from mien.evaluate.detectors.spoken import Stopped, spoken_by
from mien.evaluate.detectors.survey import Plan
from mien.evaluate.detectors.timing import TIMED
from mien.models.options import EngineOptions

STARTING = 5.0
"""Seconds that a process takes to start and to open a detector."""
TRYING = 60.0
"""Seconds after which detectors are no longer tried; those that are left count as slow."""


@dataclass(frozen=True, slots=True)
class Expected:
    """How long a detector will take.

    Attributes:
        name: of the detector.
        seconds: for all that is planned, at most the plan's limit.
    """

    name: str
    seconds: float


def estimate(names: Sequence[str], plan: Plan) -> list[Expected]:
    """Try each detector on one image; the quickest first.

    Args:
        names: of the detectors.
        plan: what will be measured.
    """
    took: dict[str, float] = {}
    for answer in spoken_by(_try_all, (tuple(names), plan.engine), TRYING):
        if isinstance(answer, Stopped):
            break
        name, seconds = answer
        took[name] = seconds
    expected = [
        Expected(name, expected_seconds(took[name], plan) if name in took else plan.budget.limit) for name in names
    ]
    return sorted(expected, key=lambda one: one.seconds)


def _try_all(say: Callable[[tuple[str, float]], None], names: Sequence[str], engine: EngineOptions) -> None:
    image = np.zeros((*COUNTED[::-1], 3), np.uint8)
    for name in names:
        try:
            detector = open_detector(name, engine)
            detector.detect([image])
            began = time.perf_counter()
            detector.detect([image])
        except MienError:
            say((name, 0.0))
            continue
        say((name, time.perf_counter() - began))


def expected_seconds(per_image: float, plan: Plan) -> float:
    """Seconds for all that is planned, from those for one image."""
    budget = plan.budget
    timed = 0.0
    for width, height in plan.sizes:
        # Detectors shrink larger images, so that they take about as long as these.
        one = per_image * min(1.0, width * height / (COUNTED[0] * COUNTED[1]))
        timed += sum(one + min(TIMED * one * batch, max(budget.timing, one * batch)) for batch in budget.batches)
    video = max(budget.video, per_image) if plan.video is not None else 0.0
    images = max(budget.min_images, min(plan.max_images, int(budget.per_set / max(per_image, 1e-4))))
    searched = len(plan.sets) * (images + images // 3) + (images if plan.portraits is not None else 0)
    return min(budget.limit, STARTING + timed + video + (searched + len(plan.shown)) * per_image)
