"""Figures as messages, for every room: percentages, intervals and scores. Computes no rate."""

from mien.messages.message import Message, Text


def percent(share: float) -> Message:
    """A share of all, 0 to 1, in percent with three digits."""
    return Message("figure.percent", {"value": 100 * float(share)})


def between(value: Text, low: Text, high: Text) -> Message:
    """A figure with the ends of its interval."""
    return Message("figure.interval", {"value": value, "low": low, "high": high})


def without_interval(value: Text, missing: int) -> Message:
    """A figure whose interval would not hold, with the number of people that one needs."""
    return Message("figure.no-interval", {"value": value, "count": missing})


def score_text(value: float) -> Message:
    """A score or a threshold, as people compare them: three decimals."""
    return Message("figure.score", {"value": float(value)})


def exact_score(value: float) -> Message:
    """A score or a threshold, as reports hold them: four decimals."""
    return Message("figure.exact-score", {"value": float(value)})
