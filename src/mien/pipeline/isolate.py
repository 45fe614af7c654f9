"""Work on several items together from which a single one must not take the others with it. Knows no images.

mien's own errors pass: they are about the model or the settings, which hold for all items.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from mien.errors import MienError

Value = TypeVar("Value")
Result = TypeVar("Result")


def isolate(
    work: Callable[[Sequence[Value]], Sequence[Result]], values: Sequence[Value]
) -> "list[Result | Exception]":
    """Do work on values together; where that fails, on each alone, so that only the bad ones have no result.

    Returns:
        For each value its result, or why there is none.

    Raises:
        MienError: the work as a whole cannot be done.
    """
    if not values:
        return []
    try:
        return list(work(values))
    except MienError:
        raise
    except Exception as reason:  # noqa: BLE001 - whatever one value brings about must not harm the others
        if len(values) == 1:
            return [reason]
    return [result for value in values for result in isolate(work, [value])]
