"""WIDER FACE, RetinaFace's label.txt and SCRFD's labelv2.txt."""

from pathlib import Path

import numpy as np
import pytest

from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest, write_manifest
from mien.data.sample import Problem, Sample
from mien.data.sources import retinaface, wider
from mien.errors import ManifestError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "WIDER_val" / "images" / "0--Parade"
    folder.mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(b"x")
    return tmp_path


def test_wider_columns_are_in_the_sets_own_order(images: Path) -> None:
    (images / "wider_face_val_bbx_gt.txt").write_text(
        "0--Parade/a.jpg\n2\n449 330 122 149 1 2 3 4 5 6 \n1 1 0 9 0 0 0 0 0 0\n"
        "0--Parade/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n0--Parade/missing.jpg\n1\n1 2 3 4 0 0 0 0 0 0\n"
    )
    assert wider.recognizes(images)
    rows = list(wider.read(images))
    face, empty, nobody, missing = rows
    assert isinstance(face, Sample) and face.subject == "" and face.box is not None
    assert (face.box.x1, face.box.y1, face.box.x2, face.box.y2) == (449, 330, 571, 479)
    assert face.known == {
        "split": "val",
        "blur": 1,
        "expression": 2,
        "illumination": 3,
        "invalid": 4,
        "occlusion": 5,
        "pose": 6,
    }
    assert isinstance(empty, Problem) and "is empty" in empty.reason
    assert isinstance(nobody, Sample) and nobody.box is None, "an image without faces stays in the set"
    assert (isinstance(missing, Problem) and "line 8" in missing.where) or "line 9" in missing.where


def test_a_wider_list_that_slips_is_named(images: Path) -> None:
    path = images / "wider_face_val_bbx_gt.txt"
    path.write_text("0--Parade/a.jpg\n449 330 122 149 1 2 3 4 5 6\n")
    with pytest.raises(ManifestError, match="number of its faces is expected"):
        list(wider.read(path))


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


def test_several_faces_of_one_image_make_a_manifest(images: Path, tmp_path: Path) -> None:
    (images / "wider_face_val_bbx_gt.txt").write_text(
        "0--Parade/a.jpg\n2\n4 3 12 14 0 0 0 0 0 0\n1 1 9 9 0 0 0 0 0 0\n"
    )
    samples = [row for row in wider.read(images) if isinstance(row, Sample)]
    write_manifest(tabulate(samples, images, "wider"), tmp_path / "w.parquet")
    assert [s.box.x1 for s in read_manifest(tmp_path / "w.parquet").samples() if s.box] == [4, 1]


def test_the_real_list_counts_as_the_ground_truth_does(data: Path, tmp_path: Path) -> None:
    """labelv2_val.txt with its 3,226 images, which are not here: every one is one problem."""
    rows = list(retinaface.read(data / "wider" / "labelv2_val.txt"))
    assert len(rows) == 3226 and all(isinstance(row, Problem) for row in rows)
