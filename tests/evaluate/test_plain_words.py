"""The first sentence of a report: crowds and counts."""

import numpy as np
import pytest

from mien.evaluate.plain_words import opening, search_opening
from mien.evaluate.searches import deal, search
from mien.pairwise.operating_points import OperatingPoint
from mien.rates import Estimate
from mien.types import floats


def point(wanted: float, fmr: tuple[float, float], fnmr: Estimate | None) -> OperatingPoint:
    return OperatingPoint(wanted, 0.5, (0.4, 0.6), Estimate(wanted, *fmr, 10_000), fnmr)


def test_ten_thousand_strangers_and_a_hundred_people() -> None:
    points = [
        point(1e-2, (0.008, 0.013), Estimate(0.01, 0.005, 0.02, 100)),
        point(1e-3, (0.00052, 0.00108), Estimate(0.05, 0.031, 0.079, 1000)),
        point(1e-4, (0.00005, 0.0002), Estimate(0.2, 0.1, 0.3, 1000)),
    ]
    (said,) = opening(points)
    assert said.text("en") == (
        "At the threshold for FMR 0.001: of 10,000 strangers, between 5 and 11 would be let in; of 100 comparisons "
        "of a person with themselves, between 3 and 8 would be refused."
    )
    assert "10.000 người lạ" in said.text("vi") or "10,000 người lạ" in said.text("vi")


def test_a_set_that_shows_less_speaks_of_what_it_shows() -> None:
    (said,) = opening([point(1e-1, (0.05, 0.2), None)])
    assert said.text("en") == "At the threshold for FMR 0.1: of 100 strangers, between 5 and 20 would be let in."
    assert opening([]) == ()


def test_a_rate_whose_interval_needs_more_people_is_not_spoken_of() -> None:
    known, unknown = Estimate(0.1, 0.05, 0.2, 100), Estimate(0.1, 0.05, 0.2, 100, missing=9)
    (said,) = opening([OperatingPoint(0.1, 0.5, None, known, unknown, 9)])
    assert said.text("en") == "At the threshold for FMR 0.1: of 100 strangers, between 5 and 20 would be let in."
    assert opening([OperatingPoint(0.1, 0.5, None, unknown, known, 9)]) == ()


@pytest.mark.parametrize("rate", [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 0.0])
def test_counts_are_rounded_outwards(rate: float) -> None:
    estimate = Estimate(rate, rate / 1.7, rate * 1.7 + 1e-6, 1000)
    (said,) = opening([point(1e-3, (rate / 1.7, rate * 1.7 + 1e-6), estimate)])
    let_in = said.arguments["let_in"].arguments  # type: ignore[union-attr]
    assert let_in["low"] / let_in["crowd"] <= rate / 1.7 and let_in["high"] / let_in["crowd"] >= rate * 1.7


def test_searches_speak_of_the_enrolled() -> None:
    generator = np.random.default_rng(0)
    numbers = np.repeat(np.arange(120), 4)
    vectors = floats(generator.normal(size=(120, 8))[numbers] + 0.5 * generator.normal(size=(480, 8)))
    chosen = deal(numbers)
    (found,) = search(vectors, numbers, "cosine", chosen, [len(chosen.known)])
    assert len(found.curve) > len(found.points) and [p.wanted for p in found.curve] == sorted(
        (p.wanted for p in found.curve), reverse=True
    )
    (said,) = search_opening(found)
    assert said.text("en").startswith(f"Among {len(chosen.known)} enrolled people: of ")
