"""What a report's rates mean: its first sentence, for whoever does not know the terms. Computes no rate."""

from collections.abc import Sequence
from math import ceil, floor

from mien.evaluate.searches import SearchResult
from mien.evaluate.wording import message
from mien.messages import Message
from mien.pairwise.operating_points import OperatingPoint
from mien.rates import Estimate

PLAIN_RATE = 1e-3
"""The false match rate that the sentence is of; else the strictest one that a set shows."""
CROWDS = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def opening(points: Sequence[OperatingPoint]) -> tuple[Message, ...]:
    """How many strangers would be let in, and how many people refused; nothing where a set shows no rate.

    Of rates whose intervals need more people nothing is said.
    """
    known = [point for point in points if point.fmr.interval]
    if not known:
        return ()
    point = next((one for one in known if one.wanted <= PLAIN_RATE * 1.01), known[-1])
    let_in = _of_crowd("plain.let-in", point.fmr)
    if point.fnmr is None or not point.fnmr.count or point.fnmr.interval is None:
        return (message("plain.strangers", rate=point.wanted, let_in=let_in),)
    refused = _of_crowd("plain.refused", point.fnmr)
    return (message("plain.both", rate=point.wanted, let_in=let_in, refused=refused),)


def search_opening(result: SearchResult) -> tuple[Message, ...]:
    """How many strangers would be taken for somebody, and how many searches of enrolled people find nobody."""
    known = [point for point in result.points if point.fpir.interval and point.fnir.interval]
    if not known:
        return ()
    point = known[-1]
    return (
        message(
            "plain.searches",
            enrolled=result.enrolled,
            taken=_of_crowd("plain.taken", point.fpir),
            lost=_of_crowd("plain.not-found", point.fnir),
        ),
    )


def _of_crowd(code: str, rate: Estimate) -> Message:
    """The smallest crowd of which at least three are concerned, and how many of it: rounded outwards."""
    crowd = next((size for size in CROWDS if size * rate.high >= 3), CROWDS[-1])
    low, high = floor(crowd * rate.low), min(crowd, ceil(crowd * rate.high))
    return message(code, crowd=crowd, low=low, high=high)
