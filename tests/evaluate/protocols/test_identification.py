"""Open-set searches as a report."""

from collections.abc import Callable

from mien.evaluate.protocols.identification import identification
from mien.evaluate.scorefile import Embedded

Make = Callable[..., Embedded]


def test_distractors_fill_the_gallery(make_embedded: Make) -> None:
    embedded, more = make_embedded(), make_embedded(seed=9, subjects=500)
    alone, filled = identification(embedded), identification(embedded, distractors=more).in_language("en")
    enrolled = [max(row[0] for row in report.tables[1].rows) for report in (alone, filled)]  # type: ignore[type-var]
    assert enrolled[1] == enrolled[0] + 500
    assert "fills the galleries" in str(filled.warnings[0])
