"""The nearest right name for a wrong one, as the end of a message. Knows no names itself and raises nothing."""

from collections.abc import Iterable
from difflib import get_close_matches

SHORT, LONG = 0.5, 0.85
"""How alike two names must be (difflib's ratio): for the few keys of a section, and for names with a long prefix."""


def did_you_mean(wrong: str, names: Iterable[str], min_ratio: float = 0.6) -> str:
    """Suggest the nearest of some names, as the end of a sentence; empty where none is near.

    Args:
        wrong: the name that there is not.
        names: those that there are.
        min_ratio: how alike two names must be, from 0 to 1.

    Example:
        >>> did_you_mean("detecter", ["detector", "engine"])
        '; did you mean detector?'
    """
    near = get_close_matches(wrong, list(names), 1, min_ratio)
    return f"; did you mean {near[0]}?" if near else ""
