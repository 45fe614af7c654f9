"""What two sets have in common, from photographs to the cleaned manifest."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest, write_manifest
from mien.data.sample import Sample
from mien.errors import ManifestError
from mien.evaluate.overlap import find_overlap
from mien.models import store
from mien.progress import Progress
from mien.types import Image


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    """Two training subjects; the test set holds a copy, a smaller copy, and another photograph of Hopper."""
    root = tmp_path_factory.mktemp("sets")
    smaller = np.asarray(Pillow.fromarray(collins).resize((300, 300)))
    for name, image in {
        "train/Collins/1.png": collins,
        "train/Collins/2.png": collins[:400, 60:460],
        "train/Hopper/1.png": hopper,
        "train/Hopper/wall.png": np.full((120, 160, 3), 120, np.uint8),
        "test/Eileen/copy.png": collins,
        "test/Eileen/smaller.png": smaller,
        "test/Grace/a.png": hopper[:, 20:],
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.ascontiguousarray(image)).save(root / name)
    (root / "test" / "Grace" / "broken.jpg").write_bytes(b"\xff\xd8\xff rubbish")
    return root


def rows(path: Path) -> list[tuple[str, str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return [(row["kind"], Path(row["a_path"]).name, Path(row["b_path"]).name) for row in csv.DictReader(stream)]


def test_photographs_are_found_exactly_and_nearly_and_the_set_is_cleaned(sets: Path, tmp_path: Path) -> None:
    points: list[Progress] = []
    found = find_overlap(sets / "train", sets / "test", tmp_path / "o", faces=False, on_progress=points.append)
    assert rows(found.listed) == [("exact", "1.png", "copy.png"), ("near", "1.png", "smaller.png")]
    assert found.pairs == {"exact": 1, "near": 1, "same face": 0}
    assert found.subject_pairs == {"exact": 1, "near": 1, "same face": 0}
    assert (found.removed, found.unreadable, found.by_chance) == (1, 1, 0.0)
    kept = read_manifest(found.cleaned)
    assert [sample.path.name for sample in kept.samples()] == ["2.png", "1.png", "wall.png"]
    assert [(one.done, one.total) for one in points] == [(n, 4) for n in (1, 2, 3, 4)] * 2
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["cleaned.parquet", "overlap.csv"]


def test_faces_name_people_and_all_their_rows_go(sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by relative paths, from the folder of the sets."""
    monkeypatch.chdir(sets)
    found = find_overlap(Path("train"), Path("test"), tmp_path / "o", fmr=1e-3)
    assert found.pairs == {"exact": 1, "near": 1, "same face": 1}
    assert rows(found.listed)[2] == ("same face", "1.png", "a.png")
    assert found.by_chance == pytest.approx(1e-3 * 2 * 2), "two subjects on each side"
    assert found.removed == 4 and len(read_manifest(found.cleaned)) == 0, (
        "Hopper's wall goes with her, and so does Collins's other photograph, though her pair is listed as a copy"
    )


def test_rows_without_a_subject_are_subjects_of_their_own(sets: Path, tmp_path: Path) -> None:
    train = tabulate([Sample(sets / "train" / "Hopper" / "1.png", "")], sets, "x")
    write_manifest(train, tmp_path / "a.csv")
    found = find_overlap(tmp_path / "a.csv", sets / "test", tmp_path / "o")
    assert found.pairs["same face"] == 1 and found.removed == 1
    with pytest.raises(ManifestError, match="has no rows; there is nothing to compare"):
        write_manifest(train.take([]), tmp_path / "none.csv")
        find_overlap(sets / "train", tmp_path / "none.csv", tmp_path / "p")


def test_the_threshold_is_the_cards_for_the_rate(sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mien.evaluate.overlap as module

    seen: list[float] = []

    def same_faces(a, b, metric, threshold):
        seen.append(threshold)
        return iter(())

    monkeypatch.setattr(module, "same_faces", same_faces)
    for fmr in (1e-3, 1e-4):
        find_overlap(sets / "train", sets / "train", tmp_path / "o", fmr=fmr, recognizer="dlib-resnet")
    find_overlap(sets / "train", sets / "train", tmp_path / "o", recognizer="dlib-resnet")
    card = store.load("dlib-resnet").card
    assert seen == [card.threshold(1e-3).value, card.threshold(1e-4).value, card.threshold(1e-4).value]
    assert seen[0] != seen[1]
