"""Two models on one set: the samples of both, in any order, paired by subject."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.errors import ManifestError
from mien.evaluate.protocols.comparison import comparison
from mien.evaluate.scorefile import Embedded

Make = Callable[..., Embedded]


def test_the_order_of_the_rows_does_not_matter_and_what_one_lacks_is_left_out(make_embedded: Make) -> None:
    a, b = make_embedded(), make_embedded(noise=0.8)
    shuffled = b.take(np.random.default_rng(0).permutation(len(b)))
    whole = comparison(a, shuffled)
    assert whole.numbers == comparison(a, b).numbers and len(whole.numbers) > 0 and whole.warnings == ()
    assert all(number.value is not None and number.value > 0 for number in whole.numbers.values()), "b is worse"
    fewer = comparison(a, shuffled.take(np.arange(len(b) - 5)))
    assert fewer.about.samples == len(a) - 5
    (warning,) = fewer.in_language("en").warnings
    assert "5" in warning


def test_a_model_does_not_differ_from_itself(make_embedded: Make) -> None:
    report = comparison(make_embedded(), make_embedded())
    assert {number.value for number in report.numbers.values()} == {0}


def test_runs_of_one_model_are_told_apart_by_their_detectors(make_embedded: Make) -> None:
    a = make_embedded()
    report = comparison(a, replace(a, origin=replace(a.origin, detector=""))).in_language("en")
    assert "A (a-model, mtcnn)" in report.title and "B (a-model, crops)" in report.title


def test_one_sample_with_two_subjects_is_refused(make_embedded: Make) -> None:
    a = make_embedded()
    with pytest.raises(ManifestError, match="different subjects; embed the same manifest"):
        comparison(a, replace(a, subjects=("somebody", *a.subjects[1:])))


def test_a_system_that_embeds_fewer_images_does_not_look_better(make_embedded: Make) -> None:
    """B could not embed a third of the images of some people: they are not in what both have, but in its system."""
    a = make_embedded()
    kept = np.array([index for index in range(len(a)) if index % 3])
    lost = tuple(a.subjects[index] for index in range(len(a)) if not index % 3)
    b = replace(a.take(kept), failed={"no face": len(lost)}, failed_subjects=lost)
    report = comparison(a, b).in_language("en")
    systems = next(table for table in report.tables if table.title.startswith("Both as systems"))
    assert f"{len(lost)} images without an embedding" in systems.columns[2]
    shares = [[float(cell.split("%")[0]) for cell in row[1:]] for row in systems.rows]
    assert all(fewer > every for every, fewer in shares)


def test_the_cap_takes_the_same_images_of_both(make_embedded: Make) -> None:
    a, b = make_embedded(), make_embedded(noise=0.8)
    report = comparison(a, b, max_samples=2).in_language("en")
    assert any("beyond 2 per subject" in warning for warning in report.warnings)
    assert next(iter(report.numbers.values())).comparisons <= len(set(a.subjects))
