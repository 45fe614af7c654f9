"""Whether a run may continue with a recipe: by what the recipe means, not by how it is written.

Another name, other evaluations, more steps, and another place of the same data change nothing that was trained. What
changes the result but not what is trained, such as precision, is said. Everything else is another training.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mien.train.recipe.settings import Training

FREE = ("name", "run", "evaluate", "about", "guard", "data.check")
"""Sections and keys that have no effect on what was trained so far."""

SAID = ("run.precision", "run.exchange", "run.accumulate", "run.synchronize_norms", "head.products")
"""Keys that have an effect on the steps to come, and with which a run may go on."""

LENGTH = ("schedule.steps", "schedule.epochs")
"""Keys of how long a training takes."""

MAX_SHOWN, MAX_VALUE = 5, 60
"""Values that a message about another recipe shows, and characters of each."""


@dataclass(frozen=True, slots=True)
class Changes:
    """In what two recipes differ, each as `key is VALUE there and VALUE here`.

    Attributes:
        other: what makes it another training.
        said: what a run may go on with, and its user has to know.
        longer: the same for the number of steps.
    """

    other: tuple[str, ...]
    said: tuple[str, ...]
    longer: tuple[str, ...]

    def sentence(self) -> str:
        """The first of what makes it another training, as a part of a sentence."""
        more = len(self.other) - MAX_SHOWN
        return ", ".join(self.other[:MAX_SHOWN]) + (f", and {more} more" if more > 0 else "")


def compare_recipes(there: Training, here: Training, contents: Mapping[str, bool]) -> Changes:
    """Compare the recipe that a run began with, and the one that is to continue it.

    Args:
        there: of the run.
        here: the new one.
        contents: for keys that name data, whether the data are the same; without an entry, names are compared.
    """
    old, new = (dict(_values(one.model_dump(mode="json"))) for one in (there, here))
    other, said, longer = [], [], []
    for key in {**old, **new}:
        differs = old.get(key) != new.get(key)
        if contents.get(key, not differs) and (key in contents or not differs):
            continue
        text = f"{key} is {_shown(old.get(key))} there and {_shown(new.get(key))} here"
        if key in SAID:
            said.append(text)
        elif key in LENGTH:
            longer.append(text)
        elif key in contents and not differs:
            other.append(f"{key} has another content than when the run began")
        elif not any(key == free or key.startswith(f"{free}.") for free in FREE):
            other.append(text)
    return Changes(tuple(other), tuple(said), tuple(longer))


def _values(content: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, object]]:
    """Every value of a recipe by its key, as `section.key`."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _values(value, f"{under}{key}.")
        else:
            yield f"{under}{key}", value


def _shown(value: object) -> str:
    """A value for a sentence; what is not given is so called."""
    text = "not given" if value is None else str(value)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 3]}..."
