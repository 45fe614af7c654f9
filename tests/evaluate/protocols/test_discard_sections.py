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
def noisy(make_embedded: Make) -> Embedded:
    """Some images are noise, and the norm knows which."""
    made = make_embedded(subjects=150, noise=0.3)
    draws = np.random.default_rng(0)
    bad = draws.random(len(made)) < 0.08
    vectors = made.embeddings + bad[:, None] * floats(draws.normal(0, 3, made.embeddings.shape))
    norms = floats(draws.uniform(0.5, 1, len(made)) - bad * 0.5)
    return replace(made, embeddings=floats(vectors), qualities={NORM: norms, "other": norms})


def test_the_mated_report_shows_what_the_norm_would_have_kept_out(noisy: Embedded) -> None:
    report, alone = mated(noisy), quality(noisy, quality=[NORM])
    assert report.numbers[f"discard: gain {NORM}"] == alone.numbers[f"gain {NORM}"]
    assert (report.numbers[f"discard: gain {NORM}"].value or 0) > 0.5
    shown, own = report.in_language("en"), alone.in_language("en")
    (table,) = [one for one in shown.tables if one.title == own.tables[0].title]
    assert table.rows == own.tables[0].rows
    assert "at the threshold for FMR 0.001" in str(table.note) and "mien evaluate quality" in str(table.note)
    assert shown.charts[-1].name == "discard"
    assert not any("other" in name for name in report.numbers), "a column of the manifest is asked for by name"


def test_without_a_quality_or_without_an_error_nothing_is_shown(noisy: Embedded, make_embedded: Make) -> None:
    clean = make_embedded(subjects=60, noise=0.01)
    clean = replace(clean, qualities={NORM: floats(range(len(clean)))})
    level = replace(noisy, qualities={NORM: floats(np.ones(len(noisy)))})
    for embedded in (replace(noisy, qualities={}), clean, level):
        report = mated(embedded)
        assert not any(name.startswith("discard") for name in report.numbers)
        assert "discard" not in [chart.name for chart in report.charts]
