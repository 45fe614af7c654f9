"""Figures as messages: shares, rates with their intervals, and what a set cannot show. Computes no rate.

Every text of a report is a message of the catalogues (mien.messages) under `evaluate.`, so that a report can be
written in any language; see Report.in_language.
"""

from collections.abc import Callable, Sequence

from mien.evaluate.report import Evaluated
from mien.messages import Argument, Message, Text, has_message
from mien.messages.figures import between, exact_score, without_interval
from mien.pairwise.operating_points import SHOWN_BY
from mien.rates import Estimate

score_text = exact_score
"""A score or a threshold."""


def message(code: str, /, **arguments: Argument) -> Message:
    """The message `evaluate.CODE`."""
    return Message(f"evaluate.{code}", arguments)


def share(value: float) -> Text:
    """A share, 0 to 1 or NaN where it was not measured, in percent: two decimals; of small ones two digits or more.

    Never as a power of ten, so that a column has one form.
    """
    if value != value:
        return message("not-measured")
    if value == 0:
        return "0"
    code = "percent" if value >= 1e-3 else "percent-short" if value >= 1e-6 else "percent-tiny"
    return message(code, value=100 * float(value))


def interval(value: float, low: float, high: float) -> Message:
    """A share with its interval."""
    return between(share(value), share(low), share(high))


def five_digits(value: float) -> Message:
    """A share as a fraction of 1, such as an area under a curve."""
    return message("five-digits", value=float(value))


def describe(rate: Estimate | None, form: Callable[[float], Text] = share) -> Message:
    """A rate with its interval; where no error was seen, what may hide; where no interval holds, what it needs."""
    if rate is None or not rate.count:
        return message("no-comparisons")
    if rate.interval is None:
        counted = form(rate.value) if rate.value else message("none-of-all", trials=int(rate.count))
        return without_interval(counted, rate.missing)
    if rate.value == 0:
        return message("none-of", trials=int(rate.count), high=share(rate.high))
    return between(form(rate.value), form(rate.low), form(rate.high))


def too_few(rate: float, comparisons: int, more: int) -> Message:
    """The sentence for a rate that a set cannot show."""
    if comparisons <= SHOWN_BY:
        return message("too-few-for-any", rate=float(rate), more=int(more))
    limit = share(SHOWN_BY / comparisons)
    return message("too-few", limit=limit, rate=float(rate), more=int(more))


def rate_text(value: float) -> Message:
    """A wanted rate, such as 0.001."""
    return message("rate", value=float(value))


def status_text(status: str) -> Text:
    """Why a sample has no embedding."""
    code = f"evaluate.status.{status.replace(' ', '-')}"
    return Message(code) if has_message(code) else status


def about_text(about: Evaluated) -> Text:
    """The sentence on what was evaluated."""
    if about.sentence:
        return about.sentence
    lost = [
        message("lost", samples=count, status=status_text(status)) for status, count in about.not_embedded.items()
    ]
    return message(
        "about",
        source=about.source,
        samples=about.samples,
        subjects=about.subjects,
        lost=joined(lost) if lost else message("none-lost"),
        model=about.model,
        contract=about.contract,
        unit=about.unit,
        found_by=message("detector", name=about.detector) if about.detector else message("crops"),
    )


def joined(texts: Sequence[Text], code: str = "semicolon") -> Text:
    """Several texts as one, separated as the code says: `semicolon` or `comma`."""
    *others, last = texts
    for text in reversed(others):
        last = message(code, first=text, rest=last)
    return last
