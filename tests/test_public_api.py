"""The public API: every name of the list is there and documented, and the examples in its docstrings are true."""

import doctest
import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import mien
from mien.cli.verbs import VERBS
from mien.types import Image

VERB_NAMES = {
    "detect": "find_faces",
    "compare": "compare",
    "check": "check",
    "audit": "audit",
    "enrol": "enrol",
    "reenrol": "reenrol",
    "identify": "identify",
    "subjects": "list_subjects",
    "remove": "remove_subject",
    "embed": "embed_set",
    "train": "train_model",
    "export": "export_model",
    "convert-threshold": "convert_threshold",
    "doctor": "examine_machine",
}
"""The function of each verb; groups of verbs and the tour have several or none."""

EXAMPLES = (
    "enrol",
    "identify",
    "compare",
    "list_subjects",
    "reenrol",
    "remove_subject",
    "load_settings",
    "convert_threshold",
)
"""In the order in which a user would try them: each may use what those before it made."""


@pytest.mark.parametrize("name", mien.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    found = getattr(mien, name)
    assert callable(found) and inspect.getdoc(found)
    if not inspect.isclass(found):
        hints = inspect.get_annotations(found)
        assert set(inspect.signature(found).parameters) | {"return"} == set(hints), "typed from end to end"


def test_every_verb_has_a_function() -> None:
    groups = {"models", "data", "evaluate", "bench", "config", "tour"}
    assert set(VERB_NAMES) | groups == set(VERBS) and set(VERB_NAMES.values()) <= set(mien.__all__)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Iterator[Path]:
    """A folder of two people, and an image to identify."""
    folder = tmp_path_factory.mktemp("api")
    for path, image in {
        "people/Eileen Collins/1.png": collins,
        "people/Grace Hopper/1.png": hopper,
        "collins.jpg": collins,
        "door.jpg": (collins * 0.7).astype(np.uint8),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.ascontiguousarray(image)).save(folder / path)
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_is_true(name: str, place: Path) -> None:
    function = getattr(mien, name)
    scope = {"Path": Path, "mien": mien, name: function, function.__name__: function}
    tests = doctest.DocTestFinder(recurse=False).find(function, name, globs=scope)
    assert sum(len(one.examples) for one in tests) > 0, "the docstring has an example"
    runner = doctest.DocTestRunner(verbose=False)
    reports: list[str] = []
    for one in tests:
        runner.run(one, out=reports.append)
    assert runner.failures == 0, "".join(reports)
