"""What is said of a gallery's thresholds, as messages of the catalogues (mien.messages) under `gallery.`."""

from mien.messages import Argument, Message
from mien.messages.figures import between, percent, without_interval
from mien.rates import Estimate


def message(code: str, /, **arguments: Argument) -> Message:
    """The message `gallery.CODE`."""
    return Message(f"gallery.{code}", arguments)


def interval(rate: Estimate) -> Message:
    """A rate with its interval, in percent; where none holds, how many people it needs."""
    if rate.interval is None:
        return without_interval(percent(rate.value), rate.missing)
    return between(percent(rate.value), percent(rate.low), percent(rate.high))
