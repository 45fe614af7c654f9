"""Tables of a detection report by hand."""

from dataclasses import replace

import numpy as np
import pytest

from mien.data.sample import Problem
from mien.evaluate.detectors import tables
from mien.evaluate.detectors.matching import Matched
from mien.evaluate.detectors.run import DetectedSet
from mien.messages import text_of


def test_faces_are_counted_by_height(matched: Matched, found: np.ndarray) -> None:
    table = tables.by_size(matched, found)
    assert [(text_of(row[0], "en"), row[1]) for row in table.rows] == [  # type: ignore[arg-type]
        ("16 to 32 pixels high", 1),
        ("32 to 64 pixels high", 1),
        ("64 to 128 pixels high", 1),
    ]
    assert [str(text_of(row[3], "en")).split()[0] for row in table.rows] == ["0", "0", "100.00%"]  # type: ignore[arg-type]
    assert len(table.columns) == 4


def test_the_last_band_has_no_upper_limit(matched: Matched, found: np.ndarray) -> None:
    tall = replace(matched, heights=np.array([512, 600, 511], np.float32))
    names = [text_of(row[0], "en") for row in tables.by_size(tall, found).rows]  # type: ignore[arg-type]
    assert names == ["256 to 512 pixels high", "from 512 pixels"]


def test_attributes_are_columns_of_few_values(detected: DetectedSet, matched: Matched, found: np.ndarray) -> None:
    table = tables.by_attribute(detected.images, matched, found)
    assert table is not None
    assert [row[:2] for row in table.rows] == [("sex: female", 2), ("sex: male", 1)], "a split is not an attribute"


@pytest.mark.parametrize(
    ("values", "count"), [(tables.MAX_VALUES, tables.MAX_VALUES), (tables.MAX_VALUES + 1, 0), (1, 0)]
)
def test_a_column_with_one_value_or_too_many_is_not_an_attribute(
    values: int, count: int, detected: DetectedSet, matched: Matched
) -> None:
    faces = 20
    image = replace(detected.images[0], known=tuple({"age": number % values} for number in range(faces)))
    many = replace(
        matched,
        images=1,
        found=np.zeros(faces, np.float32),
        faces=np.zeros(faces, np.int64),
        rows=np.arange(faces),
        heights=np.full(faces, 50, np.float32),
    )
    table = tables.by_attribute([image], many, np.zeros(faces, np.bool_))
    assert (0 if table is None else len(table.rows)) == count


def test_yes_no_and_unknown_values_have_names(detected: DetectedSet, matched: Matched, found: np.ndarray) -> None:
    first, second = detected.images
    first = replace(first, known=({"glasses": True}, {"glasses": False}))
    second = replace(second, known=({"glasses": None},))
    table = tables.by_attribute([first, second], matched, found)
    assert table is not None and [row[:2] for row in table.rows] == [("glasses: no", 1), ("glasses: yes", 1)]


def test_problems_are_listed_up_to_a_limit_and_counted() -> None:
    assert tables.problem_table(()) is None
    few = tables.problem_table([Problem("a.jpg", "is empty")])
    assert few is not None and few.rows == (("a.jpg", "is empty"),) and few.note == ""
    many = tables.problem_table([Problem(f"{n}.jpg", "is empty") for n in range(tables.SHOWN + 1)])
    assert many is not None and len(many.rows) == tables.SHOWN == 24
    assert text_of(many.note, "en") == "25 in all; the first are listed."
