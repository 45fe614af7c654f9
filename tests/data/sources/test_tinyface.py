"""TinyFace in its published layout: three folders and two MATLAB lists."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mien.data.importing import read_set
from mien.data.sample import Problem, Sample
from mien.data.sources.registry import find_source
from mien.data.sources.tinyface import SOURCE
from mien.errors import ManifestError


def cells(names: list[str]) -> np.ndarray:
    """Names as MATLAB's cell array (N, 1)."""
    found = np.empty((len(names), 1), object)
    found[:, 0] = names
    return found


def write_tinyface(folder: Path, images: Path | None = None) -> Path:
    """Two probes and two gallery images of two people, three distractors; returns the folder of the images."""
    lists = folder / "Testing_Set"
    lists.mkdir(parents=True)
    places = lists if images is None else images
    named = {"Probe": ["p1.jpg", "p2.jpg"], "Gallery_Match": ["g1.jpg", "g2.jpg"]}
    for role, names in {**named, "Gallery_Distractor": ["d1.jpg", "d2.jpg", "d3.jpg"]}.items():
        (places / role).mkdir(parents=True)
        for name in names:
            (places / role / name).write_bytes(b"")
    people = np.array([[7], [9]], np.uint16)
    savemat(lists / "probe_img_ID_pairs.mat", {"probe_set": cells(named["Probe"]), "probe_ids": people})
    savemat(
        lists / "gallery_match_img_ID_pairs.mat",
        {"gallery_set": cells(named["Gallery_Match"]), "gallery_ids": people},
    )
    return places


def test_people_come_from_the_lists_and_distractors_have_none(tmp_path: Path) -> None:
    write_tinyface(tmp_path)
    rows = [row for row in SOURCE.read(tmp_path) if isinstance(row, Sample)]
    assert [(row.path.parent.name, row.path.name, row.subject) for row in rows] == [
        ("Probe", "p1.jpg", "7"),
        ("Probe", "p2.jpg", "9"),
        ("Gallery_Match", "g1.jpg", "7"),
        ("Gallery_Match", "g2.jpg", "9"),
        *(("Gallery_Distractor", f"d{n}.jpg", "") for n in (1, 2, 3)),
    ]
    assert not any(row.aligned for row in rows)
    assert find_source(tmp_path) is SOURCE and len(read_set(tmp_path, tmp_path / "x.parquet")) == 7


def test_aligned_crops_beside_the_lists_are_taken_as_they_are(tmp_path: Path) -> None:
    images = write_tinyface(tmp_path / "tinyface", tmp_path / "aligned_pad_0.1_pad_high")
    rows = [row for row in SOURCE.read(tmp_path) if isinstance(row, Sample)]
    assert len(rows) == 7 and all(row.aligned and images in row.path.parents for row in rows)


def test_missing_images_and_distractors_are_problems(tmp_path: Path) -> None:
    images = write_tinyface(tmp_path)
    (images / "Probe" / "p2.jpg").unlink()
    for file in (images / "Gallery_Distractor").iterdir():
        file.unlink()
    (images / "Gallery_Distractor").rmdir()
    problems = [row for row in SOURCE.read(tmp_path) if isinstance(row, Problem)]
    assert [problem.reason.split()[-2:] for problem in problems] == [["is", "missing"], ["with", "them"]]


def test_lists_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    write_tinyface(tmp_path)
    savemat(tmp_path / "Testing_Set" / "probe_img_ID_pairs.mat", {"probe_set": cells(["p1.jpg"]), "other": 3})
    with pytest.raises(ManifestError, match="as many names as people"):
        list(SOURCE.read(tmp_path))
    with pytest.raises(ManifestError, match="has no Testing_Set"):
        list(SOURCE.read(tmp_path / "none"))
