"""Work on several values together: one bad value takes no other with it."""

from collections.abc import Sequence

import pytest

from mien.errors import ModelError
from mien.pipeline import isolate


def test_a_bad_value_harms_no_other() -> None:
    calls: list[int] = []

    def halve(values: Sequence[int]) -> list[float]:
        calls.append(len(values))
        return [12 / value for value in values]

    results = isolate(halve, [1, 0, 3])
    assert [results[0], results[2]] == [12.0, 4.0] and isinstance(results[1], ZeroDivisionError)
    assert calls == [3, 1, 1, 1]


def test_what_works_together_is_done_once() -> None:
    calls: list[int] = []

    def count(values: Sequence[int]) -> list[int]:
        calls.append(len(values))
        return list(values)

    assert isolate(count, [1, 2]) == [1, 2] and calls == [2]
    assert isolate(count, []) == [] and calls == [2]


def test_a_model_that_cannot_be_used_is_not_a_fault_of_the_images() -> None:
    def refuse(values: Sequence[int]) -> list[int]:
        raise ModelError("the model is damaged")

    with pytest.raises(ModelError):
        isolate(refuse, [1, 2])


def test_an_interruption_ends_the_work() -> None:
    def stop(values: Sequence[int]) -> list[int]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        isolate(stop, [1, 2])
