"""Folders of photographs from end to end: groups, resuming, what is refused, and enrolment of the result."""

import json
import os
import stat
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli import run
from mien.cluster.clustering import cluster_faces
from mien.data.work_folder import FOLDER
from mien.errors import ImageError, ResumeError
from mien.pipeline import Pipeline
from mien.progress import Progress
from mien.types import Image


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    """Four photographs of one person, three of another, one of both, one of nobody, and a broken file."""
    folder = tmp_path_factory.mktemp("album")
    small = np.asarray(cv2.resize(hopper, (410, 480), interpolation=cv2.INTER_AREA), np.uint8)
    images = {
        f"c{n}.jpg": np.roll((collins * light).astype(np.uint8), 5 * n, 1)
        for n, light in enumerate((1, 0.9, 0.8, 0.7))
    }
    images |= {f"trip/h{n}.jpg": (small * light).astype(np.uint8) for n, light in enumerate((1, 0.9, 0.8))}
    images["both.png"] = np.concatenate([collins, hopper[:512]], axis=1)
    images["wall.png"] = np.full((120, 160, 3), 120, np.uint8)
    for name, image in images.items():
        (folder / name).parent.mkdir(exist_ok=True)
        Pillow.fromarray(np.ascontiguousarray(image)).save(folder / name)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return folder


@pytest.fixture
def read_images(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often each file goes through the pipeline."""
    counts: Counter[str] = Counter()
    whole = Pipeline.analyse_chunk

    def counting(self: Pipeline, items, **options):
        counts.update(Path(item.name).name for item in items)
        return whole(self, items, **options)

    monkeypatch.setattr(Pipeline, "analyse_chunk", counting)
    return counts


def test_people_are_grouped_and_can_be_enrolled_as_they_are(photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    album = cluster_faces(photographs, out)
    assert album.counts | {"faces": 9} == {
        "images": 10, "images without a face": 1, "images that failed": 1, "faces": 9, "faces without a pose": 0,
        "groups": 2, "faces in groups": 9, "unassigned faces": 0,
    }  # fmt: skip
    names = [{Path(album.faces[face].image).name for face in group.faces} for group in album.grouping.groups]
    assert names == [
        {"c0.jpg", "c1.jpg", "c2.jpg", "c3.jpg", "both.png"},
        {"h0.jpg", "h1.jpg", "h2.jpg", "both.png"},
    ]
    assert run(["enrol", str(tmp_path / "album.gallery"), str(out / "people"), "--json"]) == 0
    report = json.loads((out / "report.json").read_text())
    assert [len(group["faces"]) for group in report["groups"]] == [5, 4] and len(report["failed_images"]) == 1


def test_nothing_but_the_result_is_left_and_all_of_it_is_private(photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cluster_faces(photographs, out)
    assert sorted(path.name for path in (out / FOLDER).iterdir()) == ["people.json", "plan.json"]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()}
    assert modes == {
        "people": 0o700, "work": 0o700, "faces.csv": 0o600, "report.json": 0o600, "report.html": 0o600,
    }  # fmt: skip


def test_an_interrupted_run_goes_on_with_the_rest(
    photographs: Path, tmp_path: Path, read_images: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.cluster.face_parts.PART", 2)
    monkeypatch.setattr("mien.pipeline.pipeline.CHUNK", 1)

    def stop(progress: Progress) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cluster_faces(photographs, tmp_path / "out", on_progress=stop)
    read_images.clear()
    album = cluster_faces(photographs, tmp_path / "out")
    assert album.found == 5 and len(read_images) == 5 and [len(g.faces) for g in album.grouping.groups] == [5, 4]


def test_kept_faces_are_grouped_again_without_reading_images(
    photographs: Path, tmp_path: Path, read_images: Counter[str]
) -> None:
    out = tmp_path / "out"
    cluster_faces(photographs, out, keep=True)
    read_images.clear()
    with pytest.raises(ResumeError, match="holds groups already"):
        cluster_faces(photographs, out, fmr=1e-4)
    album = cluster_faces(photographs, out, fmr=1e-4, keep=True, overwrite=True)
    assert not read_images and album.found == 0 and album.grouping.strictness.join_fmr == 1e-4
    os.utime(photographs / "c0.jpg", ns=(1, 1))
    assert cluster_faces(photographs, out, overwrite=True).found == 1 and dict(read_images) == {"c0.jpg": 1}


def test_folders_that_somebody_named_are_not_replaced(photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cluster_faces(photographs, out)
    (out / "people/person-001").rename(out / "people/Eileen")
    with pytest.raises(ResumeError, match="move it away"):
        cluster_faces(photographs, out, overwrite=True)
    assert (out / "people/Eileen").is_dir() and (out / "report.html").is_file()


def test_other_settings_are_refused_while_work_is_unfinished(photographs: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cluster_faces(photographs, tmp_path / "out", on_progress=stop)
    with pytest.raises(ResumeError, match="scope was measured and is now ignored"):
        cluster_faces(photographs, tmp_path / "out", scope="ignore")
    assert cluster_faces(photographs, tmp_path / "out", scope="ignore", overwrite=True).counts["groups"] == 2


def test_places_that_are_refused(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(ResumeError, match="where its faces would be found again"):
        cluster_faces(photographs, photographs / "groups")
    with pytest.raises(ResumeError, match="nothing in it is from"):
        cluster_faces(photographs / "trip", photographs, overwrite=True)
    with pytest.raises(ImageError, match="holds no images"):
        (tmp_path / "empty").mkdir()
        cluster_faces(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(ImageError, match="is not a folder"):
        cluster_faces(photographs / "c0.jpg", tmp_path / "out")
    assert not (tmp_path / "out").exists()
