"""What is said of a gallery's thresholds, as messages of the catalogues (mien.messages) under `gallery.`."""

from mien.messages import Argument, Message
from mien.messages.figures import between, percent
from mien.rates import Estimate


def message(code: str, /, **arguments: Argument) -> Message:
    """The message `gallery.CODE`."""
    return Message(f"gallery.{code}", arguments)


def interval(rate: Estimate) -> Message:
    """A rate with its interval, in percent."""
    return between(percent(rate.value), percent(rate.low), percent(rate.high))
