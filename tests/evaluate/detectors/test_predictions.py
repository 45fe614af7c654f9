"""Prediction files: folders and archives give the same boxes, and what is wrong is named with its line."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.errors import ManifestError
from mien.evaluate.detectors.predictions import read_predictions

BOXES = {
    ("0--Parade", "one"): np.array([[1.5, 2, 30, 40, 0.25], [5, 6, 7, 8, 0.75]]),
    ("0--Parade", "none"): np.zeros((0, 5)),
    ("1--March", "one"): np.array([[9, 8, 7, 6, 1.0]]),
}


def write(folder: Path) -> Path:
    for (event, name), own in BOXES.items():
        (folder / event).mkdir(parents=True, exist_ok=True)
        rows = [" ".join(f"{v:.17g}" for v in row) for row in own]
        (folder / event / f"{name}.txt").write_text("\n".join([name, str(len(rows)), *rows]) + "\n")
    return folder


def test_a_folder_and_its_archives_give_the_same_boxes_the_best_first(tmp_path: Path) -> None:
    folder = write(tmp_path / "deep" / "er")
    with tarfile.open(tmp_path / "p.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "deep", "deep")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for file in sorted(folder.rglob("*.txt")):
            archive.write(file, f"any/{file.parent.name}/{file.name}")
            archive.writestr(f"__MACOSX/{file.parent.name}/._{file.name}", b"a Mac's shadow of the file")
        archive.writestr("any/README.md", b"no predictions")
    for source in (folder, tmp_path / "deep", tmp_path / "p.tar.gz", tmp_path / "p.zip"):
        found = read_predictions(source)
        assert found.source == str(source) and found.boxes.keys() == BOXES.keys()
        for key, own in BOXES.items():
            assert np.array_equal(found.boxes[key], own[np.argsort(-own[:, 4])])


def test_two_files_of_one_image_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b")
    with pytest.raises(ManifestError, match=r"second file for 0--Parade/none; keep one of them"):
        read_predictions(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a\n2\n1 2 3 4 0.5\n", "line 2 announces 2 boxes, and 1 follow"),
        ("a\n1\n1 2 3 0.5\n", "line 3 a box has 5 numbers"),
        ("a\nx\n", "line 2 expected the number of boxes"),
        ("a\n1\n1 2 three 4 0.5\n", "line 3 '1 2 three 4 0.5' is not a row of numbers"),
        ("a\n1\n1 2 nan 4 0.5\n", "line 3 expected a finite number"),
    ],
)
def test_a_wrong_prediction_file_is_named_with_its_line(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "0--E").mkdir()
    (tmp_path / "0--E" / "a.txt").write_text(content)
    (tmp_path / "0--E" / "b.txt").write_text("b\n1\n1 2 3 4 0.5\n")
    found = read_predictions(tmp_path)
    (problem,) = found.problems
    assert words in f"{problem.where.rsplit(', ', 1)[1]} {problem.reason}" and "0--E/a.txt" in problem.where
    assert found.boxes["0--E", "b"].tolist() == [[1, 2, 3, 4, 0.5]], "the other file is whole"


def test_a_readme_and_a_bad_row_beside_predictions_lose_nothing_else(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "README.txt").write_text("Predictions of a detector.\nSee the paper.\n")
    (tmp_path / "0--Parade" / "two.txt").write_text("two\n3\n1 2 3 4 0.5\n1 2 x 4 0.5\n5 6 7 8 0.9\n")
    found = read_predictions(tmp_path)
    assert found.boxes["0--Parade", "two"].tolist() == [[5, 6, 7, 8, 0.9], [1, 2, 3, 4, 0.5]]
    assert {*BOXES} == {key for key in found.boxes if key[1] != "two"}
    assert sorted(problem.where.rsplit(": ", 1)[1] for problem in found.problems) == [
        "0--Parade/two.txt, line 4",
        "README.txt, line 2",
    ]
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "README.txt").write_text("x")
    with pytest.raises(
        ManifestError, match=r"no prediction files.*README\.txt, line 2: expected the number of boxes"
    ):
        read_predictions(tmp_path / "only")


def test_what_holds_no_predictions_says_so(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="does not exist; give a folder or an archive"):
        read_predictions(tmp_path / "gone")
    with pytest.raises(ManifestError, match="holds no prediction files"):
        read_predictions(tmp_path)
    for name in ("x.tar.gz", "x.zip"):
        (tmp_path / name).write_bytes(b"rubbish")
        with pytest.raises(ManifestError, match="neither a folder nor a whole archive"):
            read_predictions(tmp_path / name)


def test_an_archive_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    write(tmp_path / "p")
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(tmp_path / "p", "p")
    (tmp_path / "cut.tar.gz").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(ManifestError, match=r"cut\.tar\.gz"):
        read_predictions(tmp_path / "cut.tar.gz")
