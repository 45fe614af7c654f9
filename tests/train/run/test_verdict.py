"""Whether the loss of a run fell, and why it did not."""

from collections.abc import Sequence

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import shortest_recipe  # noqa: E402

from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.run.report import RunLog  # noqa: E402
from mien.train.run.verdict import LossVerdict, loss_verdict  # noqa: E402

NOISE = np.random.default_rng(1).normal(0, 0.3, 20)


def verdict(
    losses: Sequence[float], *, rate: float = 0.1, epoch: int = 5, weights: bool = False
) -> tuple[LossVerdict, str]:
    recipe = parse_recipe(shortest_recipe(optimizer={"rate": 0.1, "rate_batch": 8}), "r")
    log = RunLog([{"step": n, "loss": loss, "rate": rate} for n, loss in enumerate(losses)], [])
    found = loss_verdict(log, recipe, epoch, started_from_weights=weights)
    return found, found.sentence.text("en")


def test_a_loss_that_falls_needs_no_reason() -> None:
    found, sentence = verdict(np.linspace(5, 3, 20) + NOISE)
    assert (found.trend, found.reasons, sentence) == ("fell", (), "It fell.")
    assert verdict([3.0, 2.9])[0].trend == "fell"


def test_a_loss_that_rose_is_not_reported_as_one_that_stayed() -> None:
    """A fine-tuning from 0.11 to 5.16 was reported as "from 4.07 to 4.07"."""
    found, sentence = verdict(np.linspace(0.11, 5.16, 20), weights=True)
    assert found.trend == "rose"
    assert sentence.startswith("It rose: a learning rate of 0.1 may be too high, halve optimizer.rate")


def test_differences_between_batches_are_not_a_trend() -> None:
    found, sentence = verdict(4 + NOISE)
    assert found.trend == "stayed"
    assert "`mien data check`" in sentence
    assert verdict(4 - NOISE)[0].trend == "stayed"


def test_reasons_are_those_that_hold() -> None:
    assert "reached only 0.002 of 0.1, as the warm-up goes on" in verdict(4 + NOISE, rate=0.002)[1]
    assert "20 steps are less than an epoch of 300" in verdict(4 + NOISE, epoch=300)[1]
    assert "[init] may already be near" in verdict(4 + NOISE, weights=True)[1]
    assert "one step shows no direction" in verdict([4.0])[1]
    assert "too high" not in verdict(np.linspace(1, 5, 20), rate=0.002)[1]


def test_it_is_said_in_vietnamese_too() -> None:
    found, _ = verdict(4 + NOISE, epoch=300)
    assert "20 bước chưa đủ một vòng 300 bước" in found.sentence.text("vi")
