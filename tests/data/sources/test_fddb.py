"""FDDB's ellipses."""

import math
from pathlib import Path

import cv2
import numpy as np

from mien.data.annotated import read_annotated
from mien.data.sample import Problem, Sample
from mien.data.sources import fddb
from mien.data.sources.registry import find_source
from mien.types import floats

POINTS = floats([(30, 30), (70, 30), (50, 50), (35, 75), (65, 75)])


def test_fddb_ellipses_become_the_boxes_around_them(tmp_path: Path) -> None:
    (tmp_path / "originalPics" / "2002").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "originalPics" / "2002" / "img_1.jpg"), np.zeros((300, 300, 3), np.uint8))
    (tmp_path / "FDDB-folds").mkdir()
    angle = 1.2
    text = f"2002/img_1\n1\n80 50 {angle} 150 140  1\n2002/img_2\n2\n1 1 0 1 1 1\n1 1 0 1 1 1\n"
    (tmp_path / "FDDB-folds" / "FDDB-fold-01-ellipseList.txt").write_text(text)
    name = find_source(tmp_path).name
    assert name == "fddb"
    annotated = read_annotated(tmp_path)
    turns = np.linspace(0, 2 * math.pi, 20_000)
    x = 150 + 80 * np.cos(turns) * math.cos(angle) - 50 * np.sin(turns) * math.sin(angle)
    y = 140 + 80 * np.cos(turns) * math.sin(angle) + 50 * np.sin(turns) * math.cos(angle)
    assert np.allclose(annotated.images[0].boxes, [[x.min(), y.min(), x.max(), y.max()]], atol=1e-2)
    assert len(annotated.problems) == 1 and "img_2.jpg is missing" in annotated.problems[0].reason
    assert not fddb.recognizes(tmp_path / "originalPics")


def test_a_damaged_ellipse_loses_no_other_row(tmp_path: Path) -> None:
    (tmp_path / "2002").mkdir()
    for name in ("img_1", "img_2", "img_3"):
        (tmp_path / "2002" / f"{name}.jpg").write_bytes(b"x")
    (tmp_path / "FDDB-fold-01-ellipseList.txt").write_text(
        "2002/img_1\n3\n9 x 0 5 5 1\n9 8 0 5 5  1\n0 0 0 5 5 1\n2002/img_2\n0\n2002/img_3\nmany\n9 8 0 5 5 1\n"
    )
    rows = list(fddb.read(tmp_path))
    assert [(row.path.stem, row.box is not None) for row in rows if isinstance(row, Sample)] == [
        ("img_1", True),
        ("img_2", False),
        ("img_3", True),
    ]
    assert [row.where.split(", ")[-1] for row in rows if isinstance(row, Problem)] == [
        "line 3",
        "line 5",
        "line 8",
        "line 9",
    ]
