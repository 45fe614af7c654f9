"""Rows in memory and in a file: the same answers, and no file that outlives them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.vectors import VectorRows, in_memory
from mien.types import floats


def filled(rows: VectorRows, array: np.ndarray, steps: int = 3) -> VectorRows:
    for part in np.array_split(array, steps):
        rows.append(floats(part))
    return rows


@given(st.integers(0, 40), st.lists(st.integers(0, 39), max_size=20), st.integers(1, 50))
def test_a_file_answers_as_memory_does(tmp_path_factory, count: int, places: list[int], step: int) -> None:
    array = floats(np.random.default_rng(count).normal(size=(count, 5)))
    stored = filled(VectorRows(5, tmp_path_factory.getbasetemp(), held=100), array)
    held = filled(VectorRows(5), array)
    wanted = np.array([place for place in places if place < count], np.int64)
    for rows in (stored, held):
        assert len(rows) == count
        assert np.array_equal(rows.rows(wanted), array[wanted])
        blocks = list(rows.blocks(step))
        assert [start for start, _ in blocks] == list(range(0, count, step))
        assert np.array_equal(np.concatenate([array[:0], *(block for _, block in blocks)]), array)


@pytest.mark.parametrize("held", [10, 10**6])
def test_rows_are_replaced_where_they_are(tmp_path: Path, held: int) -> None:
    rows = filled(VectorRows(2, tmp_path, held), np.arange(20).reshape(10, 2))
    rows.write(4, floats([[1, 2], [3, 4]]))
    rows.append(floats([[7, 7]]))
    assert rows.rows([3, 4, 5, 6, 10]).tolist() == [[6, 7], [1, 2], [3, 4], [12, 13], [7, 7]]


def test_no_file_with_embeddings_can_be_found(tmp_path: Path) -> None:
    rows = filled(VectorRows(4, tmp_path, held=0), np.ones((9, 4)))
    assert len(rows) == 9 and list(tmp_path.iterdir()) == []


def test_rows_that_a_full_disk_did_not_take_are_an_error_and_no_endless_wait(tmp_path: Path) -> None:
    rows = filled(VectorRows(4, tmp_path, held=0), np.ones((9, 4)))
    assert rows._file is not None
    rows._file.truncate(100)
    with pytest.raises(OSError, match="disk was full"):
        rows.rows([3, 8])


def test_a_change_of_rows_in_memory_leaves_the_array_that_they_came_from() -> None:
    array = floats(np.zeros((3, 2)))
    in_memory(array).write(0, floats([[1, 1]]))
    assert not array.any()
