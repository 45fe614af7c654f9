"""DeepGlint's lists of landmarks."""

from pathlib import Path

import numpy as np

from mien.data.sample import Problem, Sample
from mien.data.sources import deepglint
from mien.data.sources.registry import find_source


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def samples_of(rows: object) -> list[Sample]:
    return [row for row in rows if isinstance(row, Sample)]  # type: ignore[attr-defined]


def reasons_of(rows: object) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Problem)]  # type: ignore[attr-defined]


def test_deepglint_points_are_interleaved_and_parts_do_not_meet(tmp_path: Path) -> None:
    touch(tmp_path, "msra/m.01/1.jpg", "celebrity/x/2.jpg")
    points = "30.5 51.7 65.5 51.5 48.0 71.7 33.5 92.4 62.7 92.2"
    (tmp_path / "msra_lmk").write_text(
        f"m.01/1.jpg 0 {points}\nm.01/gone.jpg 0 {points}\nm.01/1.jpg {points}\n"
        f"m.01/1.jpg 0 1\nm.01/1.jpg 0 x {points[5:]}\n"
    )
    (tmp_path / "celebrity_lmk.txt").write_text(f"x/2.jpg 0 {points}\n")
    assert find_source(tmp_path).name == "deepglint"
    rows = list(deepglint.read(tmp_path))
    first, second = sorted(samples_of(rows), key=lambda sample: sample.subject)
    assert (first.subject, second.subject) == ("celebrity-0", "msra-0"), "the labels of the two parts overlap"
    assert second.path == tmp_path / "msra/m.01/1.jpg" and second.landmarks is not None
    np.testing.assert_allclose(second.landmarks[2], [48.0, 71.7])
    why = reasons_of(rows)
    assert len(why) == 4 and "gone.jpg is missing" in why[0] and "a test list's" in why[1]
    assert "has 3 fields" in why[2] and "should be numbers" in why[3]


def test_names_with_blanks_are_whole_and_a_missing_first_image_does_not_mislead(tmp_path: Path) -> None:
    touch(tmp_path, "msra/m 01/1 a.jpg")
    points = " ".join(map(str, range(10)))
    (tmp_path / "msra_lmk").write_text(
        f"gone.jpg 7 {points}\nm 01/1 a.jpg 007 {points}\nm 01/1 a.jpg 8 nan {points[2:]}\n"
    )
    rows = list(deepglint.read(tmp_path))
    assert [(s.path.name, s.subject) for s in samples_of(rows)] == [("1 a.jpg", "msra-007")]
    assert len(reasons_of(rows)) == 2
