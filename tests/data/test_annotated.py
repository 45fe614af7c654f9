"""Annotated images: rows grouped by image, and what cannot be used is a problem of its own row alone."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.data.annotated import read_annotated, unusable
from mien.data.manifest import tabulate
from mien.data.manifest_io import write_manifest
from mien.data.sample import Sample
from mien.errors import ManifestError
from mien.image import read_size
from mien.types import Box, floats

POINTS = floats([[1, 2], [3, 2], [2, 3], [1, 4], [3, 4]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "empty.png"):
        Pillow.fromarray(np.zeros((60, 80, 3), np.uint8)).save(tmp_path / name)
    return tmp_path


def write(folder: Path, *samples: Sample) -> Path:
    write_manifest(tabulate(samples, folder, "m"), folder / "m.parquet")
    return folder / "m.parquet"


def test_rows_are_grouped_by_image_in_the_order_of_the_rows(folder: Path) -> None:
    found = read_annotated(
        write(
            folder,
            Sample(folder / "b.png", "", box=Box(1, 2, 30, 40), landmarks=POINTS, known={"blur": 1}),
            Sample(folder / "a.png", "", box=Box(5, 5, 9, 9), known={"blur": 2}),
            Sample(folder / "b.png", "", box=Box(10, 10, 20, 20), known={"blur": 0, "ignore": True}),
            Sample(folder / "empty.png", ""),
        )
    )
    b, a, empty = found.images
    assert [image.path.name for image in found.images] == ["b.png", "a.png", "empty.png"] and found.problems == ()
    assert b.boxes.tolist() == [[1, 2, 30, 40], [10, 10, 20, 20]] and b.ignore.tolist() == [False, True]
    assert np.array_equal(b.landmarks[0], POINTS) and np.isnan(b.landmarks[1]).all()
    assert [known["blur"] for known in b.known] == [1, 0] and "ignore" not in b.known[1]
    assert a.boxes.tolist() == [[5, 5, 9, 9]] and empty.boxes.shape == (0, 4) and empty.landmarks.shape == (0, 5, 2)
    assert found.faces == 2, "an ignored face does not count"


def test_a_row_that_cannot_be_used_costs_no_other_row(folder: Path) -> None:
    found = read_annotated(
        write(
            folder,
            Sample(folder / "a.png", "", box=Box(5, 5, 5, 9)),
            Sample(folder / "gone.png", "", box=Box(5, 5, 9, 9)),
            Sample(folder / "gone.png", "", box=Box(6, 5, 9, 9)),
            Sample(folder / "a.png", "", box=Box(5, 5, 9, 9)),
        )
    )
    (image,) = found.images
    assert image.boxes.tolist() == [[5, 5, 9, 9]]
    assert [problem.reason.split(str(folder))[-1] for problem in found.problems] == [
        "its box of 0x4 is empty",
        "/gone.png does not exist",
    ]
    assert ["row 2" in found.problems[0].where, "row 3" in found.problems[1].where] == [True, True]


@pytest.mark.parametrize(
    ("corners", "says"),
    [
        ((0, 0, 80, 60), ""),
        ((-20, -20, 0.5, 0.5), ""),
        ((79, 59, 200, 200), ""),
        ((-20, 5, 0, 30), "its box is outside the image of 80x60"),
        ((80, 5, 90, 30), "its box is outside the image of 80x60"),
        ((5, 60, 9, 70), "its box is outside the image of 80x60"),
        ((9, 5, 5, 9), "its box of -4x4 is empty"),
        ((0, 0, float("inf"), 9), "its box has a number that is not finite"),
        ((float("nan"), 0, 4, 9), "its box has a number that is not finite"),
    ],
)
def test_a_box_is_used_if_any_of_it_is_in_the_image(corners: tuple[float, ...], says: str) -> None:
    assert unusable(Sample(Path("a.png"), "", box=Box(*corners)), 80, 60) == says
    assert unusable(Sample(Path("a.png"), ""), 80, 60) == ""


def test_a_split_is_chosen_and_an_empty_one_refused(folder: Path) -> None:
    path = write(
        folder,
        Sample(folder / "a.png", "", box=Box(5, 5, 9, 9), known={"split": "train"}),
        Sample(folder / "b.png", "", box=Box(5, 5, 9, 9), known={"split": "val"}),
    )
    assert [image.path.name for image in read_annotated(path, "val").images] == ["b.png"]
    with pytest.raises(ManifestError, match=r"m\.parquet holds no annotated image of the split test$"):
        read_annotated(path, "test")


def test_what_is_no_set_with_boxes_says_so(folder: Path) -> None:
    with pytest.raises(ManifestError, match="gone does not exist; name a manifest with boxes"):
        read_annotated(folder / "gone")
    with pytest.raises(ManifestError, match=r"a\.png is not a manifest .* and not a data set with boxes"):
        read_annotated(folder / "a.png")


def test_rows_that_cannot_be_used_are_counted_and_lose_nothing_else(annotated: Path) -> None:
    found = read_annotated(annotated)
    assert [p.path.name for p in found.images] == [
        "grace_hopper.jpg",
        "blank.png",
        "broken.jpg",
    ] and found.faces == 2
    reasons = " ".join(problem.reason for problem in found.problems)
    assert len(found.problems) == 5
    for words in ("is empty", "a number that is not finite", "does not exist", "outside the image"):
        assert words in reasons
    with pytest.raises(ManifestError, match="no annotated image of the split val"):
        read_annotated(annotated, "val")


def test_an_image_that_fails_for_an_odd_reason_costs_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(path: Path) -> tuple[int, int]:
        if path.name == "a.png":
            raise MemoryError
        return read_size(path)

    monkeypatch.setattr("mien.data.annotated.read_size", exhausted)
    rows = [Sample(folder / f"{name}.png", "", box=Box(5, 5, 9, 9)) for name in "ab"]
    found = read_annotated(write(folder, *rows))
    assert [image.path.name for image in found.images] == ["b.png"]
    assert [str(folder / "a.png") in problem.reason for problem in found.problems] == [True]
