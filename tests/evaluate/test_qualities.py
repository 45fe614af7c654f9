"""Qualities of samples: from the file, from scope, from a table, and turned so that more is better."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import ManifestError
from mien.evaluate.qualities import qualities
from mien.evaluate.scorefile import Embedded
from mien.scope import scope_of
from mien.types import floats

Make = Callable[..., Embedded]


@pytest.fixture
def embedded(make_embedded: Make) -> Embedded:
    made = make_embedded(subjects=12)
    size = len(made)
    return replace(
        made,
        qualities={
            "norm": floats(range(size)),
            "detector_score": np.ones(size, np.float32),
            "blur": floats(range(size)),
        },
        scopes=tuple(scope_of({"pose": float(k), "size": 100.0 + k}) for k in range(size)),
    )


def test_the_default_ones_are_those_that_differ_and_scope_is_turned(embedded: Embedded) -> None:
    found = qualities(embedded, (), None)
    assert set(found) == {"norm", "pose", "size"}, "all detector scores are equal, and blur was not asked for"
    assert (np.diff(found["pose"]) < 0).all() and (np.diff(found["size"]) > 0).all()


def test_a_name_takes_any_column_and_lower_turns_it(embedded: Embedded) -> None:
    found = qualities(embedded, ("blur:lower", "norm"), None)
    assert list(found) == ["blur:lower", "norm"]
    np.testing.assert_array_equal(found["blur:lower"], -found["norm"])


def test_a_table_of_measures_is_put_to_the_samples_by_path(embedded: Embedded, tmp_path: Path) -> None:
    rows = [f"{Path(path).parent.name}/{Path(path).name},{k * 2},x" for k, path in enumerate(embedded.paths)]
    (tmp_path / "images.csv").write_text(
        "path,sharpness of hair,remark\n" + "\n".join(rows[1:]) + "\nother.jpg,5,y\n"
    )
    found = qualities(embedded, ("sharpness of hair",), tmp_path / "images.csv")
    values = found["sharpness of hair"]
    assert np.isnan(values[0]) and values[1:].tolist() == [2.0 * k for k in range(1, len(embedded))]
    assert "sharpness of hair" in qualities(embedded, (), tmp_path / "images.csv")


def test_what_is_not_there_is_said_with_what_is(embedded: Embedded, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no quality 'beauty'; it has blur, detector_score, norm, pose, size"):
        qualities(embedded, ("beauty",), None)
    with pytest.raises(ManifestError, match=r"'detector_score' says nothing .* no two samples differ"):
        qualities(embedded, ("detector_score",), None)
    with pytest.raises(ManifestError, match="embed the set again"):
        qualities(replace(embedded, qualities={}, scopes=()), (), None)
    (tmp_path / "a.csv").write_text("file,x\na,1\n")
    with pytest.raises(ManifestError, match="has no column `path`"):
        qualities(embedded, (), tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("path,x\nother.jpg,1\n")
    with pytest.raises(ManifestError, match="no row with a number is about a sample"):
        qualities(embedded, (), tmp_path / "b.csv")
