"""What is said of a gallery's thresholds, as messages of the catalogues (mien.messages) under `gallery.`."""

from mien.messages import Argument, Message
from mien.rates import Estimate


def message(code: str, /, **arguments: Argument) -> Message:
    """The message `gallery.CODE`."""
    return Message(f"gallery.{code}", arguments)


def share(value: float) -> Message:
    """A share of all, in percent."""
    return message("share", value=100 * float(value))


def interval(rate: Estimate) -> Message:
    """A rate with its interval."""
    return message("interval", value=share(rate.value), low=share(rate.low), high=share(rate.high))


def score_text(value: float) -> Message:
    """A score or a threshold."""
    return message("score", value=float(value))
