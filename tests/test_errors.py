"""The exception tree: every error is a MienError and documented, and the tree in the docstring is true."""

import inspect
import re

import pytest

from mien import errors

CLASSES = [one for _, one in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_one_of_miens_and_documented(error: type) -> None:
    assert issubclass(error, errors.MienError)
    assert (inspect.getdoc(error) or "").split("\n\n")[0].endswith(".")


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn, path = {}, []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ([│├└─ ]*)([A-Z]\w+Error)\b", line)
        if found is None:
            continue
        path = [*path[: len(found[1]) // 4], found[2]]
        drawn[found[2]] = path[-2] if len(path) > 1 else "Exception"
    assert drawn == {one.__name__: one.__base__.__name__ for one in CLASSES}
