"""RetinaFace's label.txt and SCRFD's labelv2.txt."""

from pathlib import Path

import numpy as np

from mien.data.sample import Problem, Sample
from mien.data.sources import retinaface


def test_retinaface_landmarks_and_missing_ones(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"x")
    (tmp_path / "label.txt").write_text(
        "# a.jpg\n10 20 30 40 " + " ".join(f"{n} {n + 1} {n % 2}" for n in range(11, 16)) + " 0.82\n"
        "10 20 30 40 " + "-1 -1 -1 " * 5 + "0.1\n# gone.jpg\n1 2 3 4 " + "-1 -1 -1 " * 5 + "0.1\n"
    )
    rows = list(retinaface.read(tmp_path))
    assert isinstance(rows[0], Sample) and rows[0].landmarks is not None and rows[0].box is not None
    np.testing.assert_array_equal(rows[0].landmarks, [[n, n + 1] for n in range(11, 16)])
    assert (rows[0].box.x2, rows[0].box.y2) == (40, 60) and rows[0].known["blur_score"] == 0.82
    assert isinstance(rows[1], Sample) and rows[1].landmarks is None
    assert len(rows) == 3 and isinstance(rows[2], Problem) and "gone.jpg is missing" in rows[2].reason


def test_labelv2_boxes_are_corners(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "labelv2.txt").write_text("# a.jpg 100 80\n10 20 30 40\n1 2 3 4 1\n5 6 7 8 " + "1 1 1 " * 5 + "\n")
    rows = [row for row in retinaface.read(tmp_path) if isinstance(row, Sample)]
    assert [(row.box.x1, row.box.x2) for row in rows if row.box] == [(10, 30), (1, 3), (5, 7)]
    assert [row.known["ignore"] for row in rows] == [False, True, False]


def test_the_real_list_counts_as_the_ground_truth_does(data: Path, tmp_path: Path) -> None:
    """labelv2_val.txt with its 3,226 images, which are not here: every one is one problem."""
    rows = list(retinaface.read(data / "wider" / "labelv2_val.txt"))
    assert len(rows) == 3226 and all(isinstance(row, Problem) for row in rows)


def test_pictures_without_faces_and_names_with_blanks_stay_and_a_short_row_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a b.jpg", "empty.jpg", "c 1 2.jpg", "last.jpg"):
        (tmp_path / "images" / name).write_bytes(b"x")
    body = "# gone first.jpg\n# a b.jpg{size}\n1 2 3\n1 2 x 4\n10 20 30 40\n# empty.jpg{size}\n# c 1 2.jpg{size}\n"
    body += "5 6 9 9 1\n#\n# last.jpg{size}\n"
    for name, size in (("label.txt", ""), ("labelv2.txt", " 640 480")):
        (tmp_path / name).write_text(body.format(size=size))
        rows = list(retinaface.read(tmp_path / name))
        assert [(row.path.name, row.box is not None) for row in rows if isinstance(row, Sample)] == [
            ("a b.jpg", True),
            ("empty.jpg", False),
            ("c 1 2.jpg", True),
            ("last.jpg", False),
        ]
        problems = [row for row in rows if isinstance(row, Problem)]
        assert [row.where.split(", ")[-1] for row in problems] == ["line 1", "line 3", "line 4", "line 9"]
        assert problems[0].reason.endswith("gone first.jpg is missing")
