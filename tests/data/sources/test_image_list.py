"""Lists of face2rec2.py."""

from pathlib import Path

import numpy as np

from mien.data.sample import Problem, Sample
from mien.data.sources import image_list
from mien.data.sources.registry import find_source


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def samples_of(rows: object) -> list[Sample]:
    return [row for row in rows if isinstance(row, Sample)]  # type: ignore[attr-defined]


def reasons_of(rows: object) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Problem)]  # type: ignore[attr-defined]


def test_image_lists_with_boxes_and_points(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    points = [*range(1, 6), *range(11, 16)]
    (tmp_path / "train.lst").write_text(
        "1\ta.jpg\t0\n0\tb.jpg\t1\t10\t20\t30\t40\n"
        + "0\tc.jpg\t1\t0\t0\t0\t0\t"
        + "\t".join(map(str, points))
        + "\n0 a.jpg 1\n1\tgone.jpg\t2\n"
    )
    assert find_source(tmp_path).name == "lst"
    rows = list(image_list.read(tmp_path))
    a, b, c = samples_of(rows)
    assert a.aligned and not b.aligned and b.box is not None and b.box.x2 == 30
    assert c.box is None and c.landmarks is not None
    np.testing.assert_array_equal(c.landmarks, [[n, n + 10] for n in range(1, 6)])
    assert len(reasons_of(rows)) == 2


def test_class_numbers_keep_their_digits_and_a_bad_line_loses_no_other(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b c.jpg")
    labels = ("001090012345", "1090012345", "7.000000", "nan", "0.5", "x")
    (tmp_path / "t.lst").write_text(
        "".join(f"1\ta.jpg\t{label}\n" for label in labels) + "1\tb c.jpg\t0\t5\t5\t1\t1\n"
    )
    rows = list(image_list.read(tmp_path / "t.lst"))
    assert [s.subject for s in samples_of(rows)] == ["001090012345", "1090012345", "7"]
    assert [reason.split(" is")[0] for reason in reasons_of(rows)] == [
        "the label 'nan'",
        "the label '0.5'",
        "the label 'x'",
        "the box of b c.jpg",
    ]
