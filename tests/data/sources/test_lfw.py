"""LFW's folders and lists."""

from pathlib import Path

import pytest

from mien.data.pairs import read_pairs
from mien.data.sample import Problem, Sample
from mien.data.sources import lfw


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, count in (("Aaron_Eckhart", 1), ("Zach_Safrin", 2)):
        folder = tmp_path / "lfw-deepfunneled" / name
        folder.mkdir(parents=True)
        for number in range(1, count + 1):
            (folder / f"{name}_{number:04d}.jpg").write_bytes(b"x")
    (tmp_path / "people.txt").write_text("2\n1\nAaron_Eckhart\t1\n2\nZach_Safrin\t2\nNo_Body\t1\n")
    (tmp_path / "peopleDevTrain.txt").write_text("1\nAaron_Eckhart\t1\n")
    (tmp_path / "peopleDevTest.txt").write_text("1\nZach_Safrin\t2\n")
    return tmp_path


def test_images_with_their_folds_and_splits(root: Path) -> None:
    assert lfw.recognizes(root) and lfw.recognizes(root / "lfw-deepfunneled")
    for path in (root, root / "lfw-deepfunneled"):
        rows = list(lfw.read(path))
        samples = [row for row in rows if isinstance(row, Sample)]
        assert [(s.path.name, s.subject, s.known["fold"], s.known["split"]) for s in samples] == [
            ("Aaron_Eckhart_0001.jpg", "Aaron_Eckhart", 0, "dev-train"),
            ("Zach_Safrin_0001.jpg", "Zach_Safrin", 1, "dev-test"),
            ("Zach_Safrin_0002.jpg", "Zach_Safrin", 1, "dev-test"),
        ]
        (problem,) = [row for row in rows if isinstance(row, Problem)]
        assert problem.where.endswith("No_Body")


def test_the_real_lists(data: Path) -> None:
    view2 = read_pairs(data / "lfw" / "pairs.txt")
    assert len(view2) == 6000 and sum(pair.mated for pair in view2) == 3000
    assert {pair.fold for pair in view2} == set(range(10))
    assert (view2[0].a, view2[0].b) == ("Abel_Pacheco_0001", "Abel_Pacheco_0004")
    view1 = read_pairs(data / "lfw" / "pairsDevTrain.txt")
    assert len(view1) == 2200 and {pair.fold for pair in view1} == {0}
    assert len(read_pairs(data / "lfw" / "pairsDevTest.txt")) == 1000
