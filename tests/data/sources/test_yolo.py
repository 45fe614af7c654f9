"""YOLO's labels."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.annotated import read_annotated
from mien.data.sample import Problem, Sample
from mien.data.sources import yolo
from mien.data.sources.registry import find_source


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.jpg", "deep/b c.jpg", "nobody.jpg", "gone.jpg"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "images" / name), np.zeros((100, 200, 3), np.uint8))
    labels = {
        "a.txt": "0 0.5 0.5 0.2 0.4\n0 0.5 0.5 1.2 0.4\n0 80 40 20 30\n"
        "0 0.5 x 0.1 0.1\n0 0.5 0.5 0.1\n0 0.5 0.5 0 0.1\n",
        "deep/b c.txt": "0 0.5 0.5 0.2 0.4 " + "0.4 0.4 0.6 0.4 0.5 0.5 0.4 0.6 0.6 0.6\n",
        "nobody.txt": "\n",
        "other.txt": "0 0.5 0.5 0.2 0.4\n",
    }
    for name, text in labels.items():
        (tmp_path / "labels" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "labels" / name).write_text(text)
    return tmp_path


def test_labels_are_shares_and_what_is_outside_is_refused_and_not_clipped(root: Path) -> None:
    assert find_source(root).name == "yolo"
    rows = list(yolo.read(root))
    samples = [row for row in rows if isinstance(row, Sample)]
    assert [(row.path.name, row.box and row.box.corners) for row in samples] == [
        ("a.jpg", pytest.approx((80, 30, 120, 70))),
        ("b c.jpg", pytest.approx((80, 30, 120, 70))),
        ("nobody.jpg", None),
    ]
    assert samples[1].landmarks is not None and samples[1].landmarks[1].tolist() == pytest.approx([120, 40])
    problems = [(row.where.rsplit("/", 1)[1], row.reason) for row in rows if isinstance(row, Problem)]
    assert [where for where, _ in problems] == [
        *(f"a.txt, line {n}" for n in (2, 3, 4, 5, 6)),
        "gone.jpg",
        "other.txt",
    ]
    assert all("are they pixels?" in reason for _, reason in problems[:2])


def test_points_with_visibility_and_labels_next_to_the_images(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 100, 3), np.uint8))
    seen = " ".join("0.5 0.5 2" for _ in range(5))
    hidden = " ".join("0 0 0" for _ in range(5))
    (tmp_path / "a.txt").write_text(f"0 0.5 0.5 0.2 0.4 {seen}\n0 0.5 0.5 0.2 0.4 {hidden}\n")
    first, second = yolo.read(tmp_path)
    assert isinstance(first, Sample) and first.landmarks is not None and first.landmarks[4].tolist() == [50, 50]
    assert isinstance(second, Sample) and second.landmarks is None
    assert not yolo.recognizes(tmp_path), "text next to images can be anything"


def test_images_without_faces_stay_in_the_set(root: Path) -> None:
    annotated = read_annotated(root)
    assert {image.path.name: len(image.boxes) for image in annotated.images} == {
        "a.jpg": 1,
        "b c.jpg": 1,
        "nobody.jpg": 0,
    }
