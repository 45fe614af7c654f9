"""Packs, folders and manifests of crops, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import RecipeError
from mien.train.recognizers.dataset import CropDataset


def test_a_class_without_images_is_named(tmp_path: Path, face_folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecipeError, match=r"the class .*empty has no images"):
        CropDataset([tmp_path], 112, "arcface")


def test_crops_of_another_size_or_pose_are_refused(face_pack: Path, face_folder: Path, make_pack: Callable) -> None:
    with pytest.raises(RecipeError, match="prepare a pack with --template dlib --size 150"):
        CropDataset([face_pack], 150, "dlib")
    crops = CropDataset([face_folder], 128, "arcface")
    with pytest.raises(RecipeError, match="is 112x112 pixels, and aligned crops of 128x128"):
        crops.read(0)


def test_what_is_no_data_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"absent does not exist: prepare a pack there .* or name yours in data.sets"
    ):
        CropDataset([tmp_path / "absent"], 112, "arcface")
