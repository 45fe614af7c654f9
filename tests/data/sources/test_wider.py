"""WIDER FACE's lists."""

from pathlib import Path

import pytest

from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest, write_manifest
from mien.data.sample import Problem, Sample
from mien.data.sources import wider


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


def test_a_wider_list_that_slips_loses_no_other_row(images: Path) -> None:
    path = images / "wider_face_val_bbx_gt.txt"
    path.write_text(
        "0--Parade/a.jpg\n449 330 122 149 1 2 3 4 5 6\n"
        "0--Parade/b.jpg\n3\n1 2 x 4 0 0 0 0 0 0\n1 2 3 4\n1 2 3 4 0 0 0 0 0 0\n"
        "0--Parade/a.jpg\n2\n5 5 5 5 0 0 0 0 0 0\n"
    )
    rows = list(wider.read(path))
    assert [(row.path.name, row.box.x1) for row in rows if isinstance(row, Sample) and row.box] == [
        ("a.jpg", 449),
        ("b.jpg", 1),
        ("a.jpg", 5),
    ]
    assert [(row.where.split(", ")[-1], row.reason.split(",")[0]) for row in rows if isinstance(row, Problem)] == [
        ("line 1", "0--Parade/a.jpg does not say how many faces follow"),
        ("line 5", "'1 2 x 4 0 0 0 0 0 0' should be numbers"),
        ("line 6", "a face has 10 numbers"),
        ("line 8", "0--Parade/a.jpg announces '2' faces"),
    ]


def test_several_faces_of_one_image_make_a_manifest(images: Path, tmp_path: Path) -> None:
    (images / "wider_face_val_bbx_gt.txt").write_text(
        "0--Parade/a.jpg\n2\n4 3 12 14 0 0 0 0 0 0\n1 1 9 9 0 0 0 0 0 0\n"
    )
    samples = [row for row in wider.read(images) if isinstance(row, Sample)]
    write_manifest(tabulate(samples, images, "wider"), tmp_path / "w.parquet")
    assert [s.box.x1 for s in read_manifest(tmp_path / "w.parquet").samples() if s.box] == [4, 1]
