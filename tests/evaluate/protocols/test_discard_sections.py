"""Error versus discard inside the mated report."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.evaluate.protocols.mated import mated
from mien.evaluate.protocols.quality import quality
from mien.evaluate.scorefile import NORM, Embedded
from mien.types import floats

Make = Callable[..., Embedded]


@pytest.fixture
def with_norms(noisy: Embedded) -> Embedded:
    """The norm knows which images are noise."""
    good = noisy.qualities["good"]
    return replace(noisy, qualities={NORM: good, "other": good})


def test_the_mated_report_shows_what_the_norm_would_have_kept_out(with_norms: Embedded) -> None:
    report, alone = mated(with_norms), quality(with_norms, quality=[NORM])
    assert report.numbers[f"discard: gain {NORM}"] == alone.numbers[f"gain {NORM}"]
    assert (report.numbers[f"discard: gain {NORM}"].value or 0) > 0.5
    shown, own = report.in_language("en"), alone.in_language("en")
    (table,) = [one for one in shown.tables if one.title == own.tables[0].title]
    assert table.rows == own.tables[0].rows
    assert "at the threshold for FMR 0.001" in str(table.note) and "mien evaluate quality" in str(table.note)
    assert shown.charts[-1].name == "discard"
    assert not any("other" in name for name in report.numbers), "a column of the manifest is asked for by name"


def test_without_a_quality_or_without_an_error_nothing_is_shown(with_norms: Embedded, make_embedded: Make) -> None:
    clean = make_embedded(subjects=60, noise=0.01)
    clean = replace(clean, qualities={NORM: floats(range(len(clean)))})
    level = replace(with_norms, qualities={NORM: floats(np.ones(len(with_norms)))})
    for embedded in (replace(with_norms, qualities={}), clean, level):
        report = mated(embedded)
        assert not any(name.startswith("discard") for name in report.numbers)
        assert "discard" not in [chart.name for chart in report.charts]
