"""The quality protocol: what reports say of measures of quality."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mien.errors import ManifestError
from mien.evaluate.protocols.quality import quality
from mien.evaluate.scorefile import Embedded
from mien.types import floats

Make = Callable[..., Embedded]


def test_the_measure_that_knows_is_ranked_first_and_named(noisy: Embedded) -> None:
    report = quality(noisy, quality=["random", "good", "good:lower"], fmr=1e-2)
    numbers = {name: number.value or 0.0 for name, number in report.numbers.items()}
    assert numbers["gain good"] > 0.5 > 0.2 > max(numbers["gain random"], numbers["gain good:lower"])
    assert numbers["fnmr@discard=0.2 good"] < numbers["fnmr@discard=0"] / 2
    shown = report.in_language("en")
    assert shown.tables[0].rows[0][0] == "good" and len(shown.tables[0].rows) == 3
    assert "worst by good" in str(shown.headline[0])
    assert [str(series.name) for series in shown.charts[0].series][::3] == ["good", "ideal"]
    assert "FMR 0.01" in str(shown.headline[1])


def test_a_table_of_measures_is_taken(noisy: Embedded, tmp_path: Path) -> None:
    rows = [f"{path},{value}" for path, value in zip(noisy.paths, noisy.qualities["good"], strict=True)]
    (tmp_path / "images.csv").write_text("path,measured\n" + "\n".join(rows))
    report = quality(replace(noisy, qualities={}), measures=tmp_path / "images.csv")
    assert (report.numbers["gain measured"].value or 0) > 0.5


def test_sets_without_mated_comparisons_are_refused(make_embedded: Make) -> None:
    single = make_embedded(max_samples=1)
    with pytest.raises(ManifestError, match="has 0 mated and 7140 non-mated comparisons"):
        quality(replace(single, qualities={"q": floats(range(len(single)))}), quality=["q"])
