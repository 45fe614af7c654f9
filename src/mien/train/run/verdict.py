"""Whether the loss of a run fell, and if it did not, why: from its log and its recipe alone. Trains nothing.

A run of a few steps is made to see whether a training works at all, so its report answers that.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np

from mien.evaluate.wording import joined
from mien.messages import Message
from mien.train.recipe.settings import Training
from mien.train.run.report import RunLog
from mien.train.run.wording import message

CERTAIN = 2.0
"""Standard errors by which the loss must differ to count as another one."""

MIN_FOR_NOISE = 4
"""Steps that show how much the loss varies from batch to batch; with fewer, any difference counts."""

LOW_RATE = 0.1
"""Share of the recipe's learning rate below which a run has hardly learned."""

Trend = Literal["fell", "rose", "stayed"]


@dataclass(frozen=True, slots=True)
class LossVerdict:
    """How the loss went.

    Attributes:
        trend: from the first steps to the last ones, beyond what batches differ by.
        reasons: why it did not fall, as far as log and recipe say.
    """

    trend: Trend
    reasons: tuple[Message, ...]

    @property
    def sentence(self) -> Message:
        """For people."""
        return message(f"verdict.{self.trend}", reasons=joined(list(self.reasons)) if self.reasons else "")


def loss_verdict(log: RunLog, recipe: Training, steps_per_epoch: int, *, started_from_weights: bool) -> LossVerdict:
    """Say whether the loss of a run fell, and if not, why.

    Args:
        log: of the run, with at least one step.
        recipe: of the run.
        steps_per_epoch: number of steps in an epoch.
        started_from_weights: whether [init] gave weights, which may already be near the lowest loss.
    """
    found = _trend(log)
    if found == "fell":
        return LossVerdict(found, ())
    steps = len(log.steps)
    rates = [float(line["rate"]) for line in log.steps]
    reasons = []
    if steps < 2:
        reasons.append(message("verdict.one-step"))
    if max(rates, default=0.0) < LOW_RATE * recipe.rate:
        reasons.append(message("verdict.warm-up", rate=max(rates, default=0.0), full=recipe.rate))
    if found == "rose" and not reasons:
        reasons.append(message("verdict.rate-too-high", rate=max(rates)))
    if steps < steps_per_epoch:
        reasons.append(message("verdict.part-of-an-epoch", steps=steps, epoch=steps_per_epoch))
    if started_from_weights:
        reasons.append(message("verdict.started-from-weights"))
    return LossVerdict(found, tuple(reasons) or (message("verdict.check-data"),))


def _trend(log: RunLog) -> Trend:
    """Compare the means of the first and the last steps with how much steps vary around a line."""
    losses = np.array([float(line["loss"]) for line in log.steps])
    if len(losses) < 2 or not isfinite(losses.sum()):
        return "stayed"
    change = log.losses()[1] - log.losses()[0]
    noise = 0.0
    if len(losses) >= MIN_FOR_NOISE:
        first, last = log.windows()
        line = np.polyval(np.polyfit(np.arange(len(losses)), losses, 1), np.arange(len(losses)))
        noise = float((losses - line).std(ddof=2)) * (1 / first + 1 / last) ** 0.5
    if abs(change) <= CERTAIN * noise or change == 0:
        return "stayed"
    return "fell" if change < 0 else "rose"
