"""Recipes of detectors: what is wrong is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import detector_recipe  # noqa: E402

from mien.errors import MienError, RecipeError  # noqa: E402
from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.detectors.augment import AUGMENTATIONS, SceneAugmentation, augment  # noqa: E402
from mien.train.detectors.network import DetectorKind  # noqa: E402
from mien.train.detectors.recipe import DetectorRecipe  # noqa: E402
from mien.train.detectors.registry import DETECTORS  # noqa: E402
from mien.train.detectors.scene import Scene  # noqa: E402
from mien.train.detectors.scrfd import ScrfdNetwork, ScrfdShape  # noqa: E402
from mien.train.detectors.task import DetectionTask  # noqa: E402
from mien.train.detectors.weights import read_detector  # noqa: E402
from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.recipe.io import format_recipe  # noqa: E402


def test_recipes_of_detectors_say_what_is_wrong(scenes: Path) -> None:
    with pytest.raises(RecipeError, match=r"augment\.mosiac is not a setting; did you mean mosaic"):
        detector_recipe(scenes, augment={"mosiac": 1})
    with pytest.raises(RecipeError, match=r"detector\.side"):
        detector_recipe(scenes, detector={"name": "scrfd-500m", "side": 100})
    with pytest.raises(RecipeError, match="do not fill one batch"):
        DetectionTask(detector_recipe(scenes, schedule={"batch": 64, "steps": 1}), ALONE)
    with pytest.raises(MienError, match="does not exist"):
        DetectionTask(detector_recipe(Path("nothere")), ALONE)
    again = parse_recipe(__import__("tomllib").loads(format_recipe(detector_recipe(scenes))), "again")
    assert again == detector_recipe(scenes)


def parse(**changes: object) -> DetectorRecipe:
    return detector_recipe(Path("x"), **changes)


def test_a_made_up_detector_is_one_class_and_one_line(
    monkeypatch: pytest.MonkeyPatch, scenes: Path, tmp_path: Path
) -> None:
    tiny = ScrfdShape(stem=8, planes=(8, 8, 8, 8), blocks=(1, 1, 1, 1), neck=8, head=8, deep=1, last=1)
    monkeypatch.setitem(DETECTORS, "tiny", DetectorKind(lambda: ScrfdNetwork(tiny), mark="stem.0.0.weight"))
    recipe = detector_recipe(scenes, detector={"name": "tiny", "side": 64}, schedule={"batch": 8, "steps": 1})
    last = train(recipe, tmp_path / "run").checkpoint
    found = read_detector(last)
    assert found is not None and found.name == "tiny"
    torch.save({"state_dict": dict(found.state)}, tmp_path / "theirs.pth")
    foreign = read_detector(tmp_path / "theirs.pth")
    assert foreign is not None and foreign.name == "tiny"
    with pytest.raises(RecipeError, match=r"detector\.name: there is no detector 'tinny'; did you mean tiny\?"):
        parse(detector={"name": "tinny"})


def test_a_made_up_augmentation_is_one_function_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def invert(scene: Scene, generator: np.random.Generator) -> Scene:
        return replace(scene, image=255 - scene.image)

    monkeypatch.setitem(AUGMENTATIONS, "invert", SceneAugmentation(invert, probability=0.25))
    assert parse().augment.plan(64).probabilities["invert"] == 0.25
    plan = parse(augment={"invert": 1.0, "mirror": 0, "colour": 0}).augment.plan(64)
    scene = Scene(np.full((64, 64, 3), 200, np.uint8), np.zeros((0, 4)), np.zeros((0, 5, 2)), np.zeros(0, np.bool_))
    inverted = 0
    for seed in range(8):
        image = augment(lambda: scene, lambda: scene, plan, np.random.default_rng(seed)).image
        inverted += int((image == 55).any() and not (image == 200).all())
    assert inverted == 8
    with pytest.raises(RecipeError, match=r"augment\.inverse is not a setting; did you mean invert\?"):
        parse(augment={"inverse": 1.0})


def test_old_keys_name_the_new_ones() -> None:
    with pytest.raises(RecipeError, match=r"data\.least is now called data\.min_face; rename it"):
        parse(data={"sets": ["x"], "least": 3})


def test_faces_below_six_pixels_are_ignored_unless_a_recipe_says_otherwise() -> None:
    assert parse().data.min_face == 6
    assert parse().augment.plan(64).probabilities == {"colour": 0.5, "grey": 0.0, "blur": 0.0, "mirror": 0.5}
