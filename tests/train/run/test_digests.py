"""Digests of what a training reads."""

import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.detectors.dataset import SceneDataset  # noqa: E402
from mien.train.recognizers.dataset import CropDataset  # noqa: E402
from mien.train.run.digests import table_digest, weights_digest  # noqa: E402


def test_a_pack_and_a_folder_have_the_same_digest_wherever_they_are(
    face_pack: Path, face_folder: Path, tmp_path: Path
) -> None:
    for source in (face_pack, face_folder):
        shutil.copytree(source, tmp_path / source.name / "moved")
        first, moved = (CropDataset([path], 112, "arcface") for path in (source, tmp_path / source.name / "moved"))
        assert first.digest == moved.digest
    two = CropDataset([face_pack, face_folder], 112, "arcface")
    other = CropDataset([face_folder, face_pack], 112, "arcface")
    assert len({two.digest, other.digest, first.digest}) == 3


def test_images_with_other_boxes_have_another_digest(scenes: Path) -> None:
    from made_up import detector_recipe

    dataset = SceneDataset(detector_recipe(scenes))
    before = dataset.digest
    assert before == SceneDataset(detector_recipe(scenes)).digest
    dataset.images[1].boxes[0, 0] += 1
    assert dataset.digest != before


def test_weights_are_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"weights")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "state.pt").write_bytes(b"weights")
    assert weights_digest(tmp_path / "a.pth") == weights_digest(tmp_path / "run")
    assert weights_digest("dlib-resnet") == "dlib-resnet"


def test_a_table_is_its_names_and_its_numbers() -> None:
    digests = {
        table_digest(["a", "b"], np.arange(2)),
        table_digest(["a", "c"], np.arange(2)),
        table_digest(["a", "b"], np.arange(1, 3)),
    }
    assert len(digests) == 3
