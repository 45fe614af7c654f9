"""The table of what was measured: missing values, texts, hashes, digests, landmarks and embeddings."""

import numpy as np
import pyarrow as pa
import pytest

from mien.portrait.dataset.measurements import Measurements, gather, schema
from mien.portrait.measures.catalogue import MEASURES, with_deviation

LANDMARKS = [float(value) for value in range(10)]
HASH = 2**64 - 1


@pytest.fixture
def measurements() -> Measurements:
    rows = [
        {"path": "a.jpg", "sha256": "aa", "width": 300.0, "phash": HASH, "embedding": [1.0, 2.0]}
        | {"landmarks": LANDMARKS},
        {"path": "b.jpg", "sha256": "bb", "error": "b.jpg is cut off"},
        {"path": "c.jpg", "sha256": "cc", "width": 50.0, "phash": 0, "embedding": [3.0, 4.0], "other": [5.0, 6.0]},
    ]  # fmt: skip
    return gather([pa.Table.from_pylist(rows, schema())])


def test_every_measure_has_a_column_and_angles_a_deviation() -> None:
    names = schema().names
    assert len(names) == len(set(names))
    assert set(MEASURES) <= set(names)
    assert {name.removesuffix("_sd") for name in names if name.endswith("_sd")} == set(with_deviation())


def test_missing_numbers_are_nan_and_missing_texts_empty(measurements: Measurements) -> None:
    width = measurements.values("width")
    assert width.dtype == np.float32
    assert np.array_equal(width, [300, np.nan, 50], equal_nan=True)
    assert measurements.texts("error") == ["", "b.jpg is cut off", ""]
    assert measurements.text_counts("error", np.array([2, 1, 0])) == {"": 2, "b.jpg is cut off": 1}
    assert measurements.readable.tolist() == [True, False, True]


def test_hashes_keep_all_64_bits(measurements: Measurements) -> None:
    values, known = measurements.hashes("phash")
    assert [int(one) for one in values] == [HASH, 0, 0] and known.tolist() == [True, False, True]


def test_a_file_that_cannot_be_read_has_no_digest(measurements: Measurements) -> None:
    numbers = measurements.files().tolist()
    assert numbers[1] == -1 and numbers[0] != numbers[2] and min(numbers[0], numbers[2]) >= 0


def test_landmarks_are_points(measurements: Measurements) -> None:
    points = measurements.landmarks(0)
    assert points is not None and points.dtype == np.float32
    assert points.tolist() == np.reshape(LANDMARKS, (5, 2)).tolist()
    assert measurements.landmarks(1) is None


def test_embeddings_come_with_their_rows(measurements: Measurements) -> None:
    assert measurements.embeddings.rows([0, 1]).tolist() == [[1, 2], [3, 4]] and measurements.rows.tolist() == [0, 2]
    assert measurements.others.rows([0]).tolist() == [[5, 6]] and measurements.other_rows.tolist() == [2]
    assert not {"embedding", "other"} & set(measurements.columns)


def test_without_a_recognizer_there_are_no_embeddings() -> None:
    found = gather([pa.Table.from_pylist([{"path": "a.jpg"}], schema())])
    assert len(found.embeddings) == len(found.others) == len(found.rows) == len(found.other_rows) == 0
