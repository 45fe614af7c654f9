"""Measuring files of a data set: one row per file, in order, with an error where a file cannot be read."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mien.portrait.dataset import measure_files as module
from mien.portrait.dataset.measure_files import AuditModels, file_stamp, measure_files
from mien.portrait.dataset.measurements import gather, schema
from mien.portrait.examine import Examiner
from mien.portrait.measures.catalogue import MEASURES, with_deviation

MODELS = AuditModels(recognizer="")
PATHS = ("adults/Eileen/wall.jpg", "adults/Grace/0.jpg", "adults/Eileen/broken.jpg", "adults/Grace/gone.jpg")


@pytest.fixture(scope="module")
def rows(portraits: Path) -> list[dict]:
    return measure_files(MODELS, str(portraits), PATHS)


def test_every_file_has_a_row_in_its_place(rows: list[dict]) -> None:
    assert [row["path"] for row in rows] == list(PATHS)
    assert [bool(row["error"]) for row in rows] == [False, False, True, True]


def test_the_file_is_known_by_size_time_and_digest(rows: list[dict], portraits: Path) -> None:
    for row in rows[:3]:
        path = portraits / row["path"]
        assert (row["bytes"], row["changed"]) == (path.stat().st_size, path.stat().st_mtime_ns)
        assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (rows[3]["bytes"], rows[3]["changed"], rows[3]["sha256"]) == (-1, -1, "")


def test_measures_landmarks_and_box_are_those_of_the_face(rows: list[dict]) -> None:
    face = rows[1]
    assert set(MEASURES) <= set(face) and {f"{name}_sd" for name in with_deviation()} <= set(face)
    assert face["faces"] == 1 and 0.9 < face["score"] <= 1
    points = np.reshape(face["landmarks"], (5, 2))
    assert (points >= (face["x1"], face["y1"])).all() and (points <= (face["x2"], face["y2"])).all()
    assert face["face_side"] == pytest.approx(min(face["x2"] - face["x1"], face["y2"] - face["y1"]), rel=0.3)


def test_a_measure_without_a_value_has_a_reason(rows: list[dict]) -> None:
    wall = rows[0]
    assert wall["faces"] == 0 and "landmarks" not in wall
    reasons = json.loads(wall["reasons"])
    assert set(reasons) == {name for name in MEASURES if wall[name] is None} and "yaw" in reasons
    assert reasons["yaw"]["code"] == "reason.no-face"


def test_a_file_that_cannot_be_read_has_nothing_but_its_facts(rows: list[dict]) -> None:
    for row in rows[2:]:
        assert not set(MEASURES) & set(row)


def test_without_a_recognizer_nothing_is_embedded(rows: list[dict]) -> None:
    assert all("embedding" not in row and "other" not in row for row in rows)


def test_rows_fit_the_table(rows: list[dict]) -> None:
    found = gather([pa.Table.from_pylist(rows, schema())])
    assert found.texts("path") == list(PATHS)
    assert all(key in schema().names for row in rows for key in row)


def test_a_process_opens_its_models_once_with_one_thread(
    portraits: Path, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple] = []

    def open_examiner(*names: object, options: object) -> Examiner:
        opened.append((*names, options))
        return examiner

    monkeypatch.setattr(module, "open_examiner", open_examiner)
    module._examiner.cache_clear()
    for _ in range(2):
        measure_files(MODELS, str(portraits), PATHS[:1])
    module._examiner.cache_clear()
    ((detector, recognizer, portrait_models, options),) = opened
    assert (detector, recognizer, portrait_models) == (MODELS.detector, None, ())
    assert (options.threads, options.streams) == (1, 1)


def test_the_stamp_of_a_file_changes_with_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert file_stamp(path) == (-1, -1)
    path.write_bytes(b"12")
    assert file_stamp(path) == (2, path.stat().st_mtime_ns)
