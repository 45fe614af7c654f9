"""CelebA's lists, in its own format; and the part of it among the measuring data."""

from pathlib import Path

import numpy as np
import pytest

from mien.data.sample import Problem, Sample
from mien.data.sources import celeba
from mien.data.sources.registry import find_source
from mien.errors import ManifestError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("img_celeba", "img_align_celeba"):
        (tmp_path / folder).mkdir()
        for name in ("000001.jpg", "000002.jpg"):
            (tmp_path / folder / name).write_bytes(b"x")
    (tmp_path / "identity_CelebA.txt").write_text("000001.jpg 2880\n000002.jpg 2937\n000003.jpg 2880\n")
    anno = tmp_path / "Anno"
    anno.mkdir()
    (anno / "list_bbox_celeba.txt").write_text(
        "2\nimage_id x_1 y_1 width height\n000001.jpg    95  71 226 313\n000002.jpg     0   0   0   0\n"
    )
    header = (
        "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
    )
    (anno / "list_landmarks_celeba.txt").write_text(
        f"2\n{header}\n000001.jpg 165  184  244  176  196  249  194  271  266  260\n"
    )
    (anno / "list_landmarks_align_celeba.txt").write_text(
        f"2\n{header}\n000001.jpg 69  109  106  113   77  142   73  152  108  154\n"
    )
    names = ["Male", "Young", *(f"A{n}" for n in range(38))]
    row = " ".join(["-1", " 1", *["-1"] * 38])
    (anno / "list_attr_celeba.txt").write_text(f"2\n{' '.join(names)}\n000001.jpg {row}\n000002.jpg  1 {row[3:]}\n")
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 2\n")
    return tmp_path


def test_the_images_in_the_wild_with_all_lists(root: Path) -> None:
    rows = list(celeba.read_wild(root))
    samples = [row for row in rows if isinstance(row, Sample)]
    assert [(s.path.name, s.subject) for s in samples] == [("000001.jpg", "2880"), ("000002.jpg", "2937")]
    assert samples[0].path.parent.name == "img_celeba"
    box = samples[0].box
    assert box is not None and (box.x1, box.y1, box.x2, box.y2) == (95, 71, 95 + 226, 71 + 313)
    assert samples[1].box is None, "a box of zeros is not a box"
    assert samples[0].landmarks is not None
    np.testing.assert_array_equal(samples[0].landmarks, [[165, 184], [244, 176], [196, 249], [194, 271], [266, 260]])
    assert samples[0].known["sex"] == "female" and samples[1].known["sex"] == "male"
    assert samples[0].known["split"] == "train" and samples[1].known["split"] == "test"
    assert samples[0].known["Young"] == 1 and len(samples[0].known) == 42
    (problem,) = [row for row in rows if isinstance(row, Problem)]
    assert "identity_CelebA.txt, line 3" in problem.where and "000003.jpg is missing" in problem.reason


def test_the_box_of_one_image_set_is_never_used_on_the_other(root: Path) -> None:
    samples = [row for row in celeba.read_aligned(root) if isinstance(row, Sample)]
    assert samples[0].path.parent.name == "img_align_celeba"
    assert all(sample.box is None for sample in samples)
    assert samples[0].landmarks is not None and samples[0].landmarks[0].tolist() == [69, 109]
    (root / "Anno" / "list_landmarks_align_celeba.txt").unlink()
    assert all(row.landmarks is None for row in celeba.read_aligned(root) if isinstance(row, Sample))


def test_an_image_without_an_identity_is_a_problem(root: Path) -> None:
    (root / "img_celeba" / "999999.jpg").write_bytes(b"x")
    reasons = [row.reason for row in celeba.read_wild(root) if isinstance(row, Problem)]
    assert any("does not say who it shows" in reason for reason in reasons)


def test_a_broken_row_of_a_list_is_named_and_loses_nothing_else(root: Path) -> None:
    (root / "Anno" / "list_bbox_celeba.txt").write_text("2\nheader\n000001.jpg 1 2 3\n000002.jpg 1 2 3 4\n")
    (root / "identity_CelebA.txt").write_text("000001.jpg 2880\nrubbish\n000002.jpg 2937\n")
    rows = list(celeba.read_wild(root))
    assert [(row.path.name, row.box is not None) for row in rows if isinstance(row, Sample)] == [
        ("000001.jpg", False),
        ("000002.jpg", True),
    ]
    problems = [f"{row.where}: {row.reason}" for row in rows if isinstance(row, Problem)]
    assert "list_bbox_celeba.txt, line 3: 3 values, and 4 are expected" in problems[0]
    assert "identity_CelebA.txt, line 2: 'rubbish' should be a file name and a number" in problems[1]
    assert len(problems) == 2


def test_kaggles_copy_is_read_with_identities_and_refused_with_the_reason_without(tmp_path: Path) -> None:
    folder = tmp_path / "img_align_celeba" / "img_align_celeba"
    folder.mkdir(parents=True)
    (folder / "000001.jpg").write_bytes(b"x")
    names = ",".join(["image_id", "Male", *(f"A{n}" for n in range(39))])
    (tmp_path / "list_attr_celeba.csv").write_text(f"{names}\n000001.jpg{',-1' * 40}\n")
    points = (
        "lefteye_x,lefteye_y,righteye_x,righteye_y,nose_x,nose_y,leftmouth_x,leftmouth_y,rightmouth_x,rightmouth_y"
    )
    (tmp_path / "list_landmarks_align_celeba.csv").write_text(
        f"image_id,{points}\n000001.jpg,69,109,106,113,77,142,73,152,108,154\n"
    )
    (tmp_path / "list_eval_partition.csv").write_text("image_id,partition\n000001.jpg,1\n")
    assert find_source(tmp_path).name == "celeba-aligned"
    with pytest.raises(ManifestError, match=r"needs .* identity_CelebA\.txt, which says who is shown; copies"):
        list(celeba.read_aligned(tmp_path))
    for name, text in (
        ("identity_CelebA.csv", "image_id,identity\n000001.jpg,2880\n"),
        ("identity_CelebA.txt", "000001.jpg 2880\n"),
    ):
        (tmp_path / name).write_text(text)
        (sample,) = celeba.read_aligned(tmp_path)
        assert isinstance(sample, Sample) and sample.subject == "2880" and sample.landmarks is not None
        assert sample.known["sex"] == "female" and sample.known["split"] == "valid"
        (tmp_path / name).unlink()


def test_the_real_part(data: Path) -> None:
    rows = list(celeba.read_wild(data / "celeba"))
    assert len(rows) == 2168 and all(isinstance(row, Sample) for row in rows)
    assert len({row.subject for row in rows if isinstance(row, Sample)}) == 169
