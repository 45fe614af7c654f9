"""The value that a protocol returns."""

import re

import pytest

from mien.evaluate.report import Report, Table, spoken, thin
from mien.evaluate.wording import message
from mien.messages import Message


def test_every_rate_has_its_interval_and_its_comparisons(report: Report) -> None:
    rates = {key: one for key, one in report.numbers.items() if re.match(r"(fmr|fnmr|fnir|rank)", key)}
    for key, one in rates.items():
        assert one.value is not None and one.low is not None and one.high is not None, key
        assert one.low <= one.value <= one.high or "fmr@" in key, key
    for key, one in report.numbers.items():
        assert ("threshold" not in key) or one.unit == "cosine", key


def test_every_text_is_in_a_language_once_it_is_asked_for(report: Report) -> None:
    assert isinstance(report.title, Message) and all(isinstance(text, Message) for text in report.headline)
    with pytest.raises(TypeError, match=r"call Report\.in_language first"):
        spoken(report.title)
    for language in ("en", "vi"):
        assert "evaluate." not in report.in_language(language).model_dump_json()


def test_cells_that_are_not_texts_stay() -> None:
    table = Table(title="x", columns=("a",), rows=((message("not-measured"),), (1.5,), (7,), (None,)))
    assert [row[0] for row in table.rows][1:] == [1.5, 7, None]


def test_long_lines_are_thinned_with_both_ends() -> None:
    assert thin([1.0] * 3) == [0, 1, 2] and len(thin([1.0] * 5000)) <= 400
    assert (thin([1.0] * 5000)[0], thin([1.0] * 5000)[-1]) == (0, 4999)
