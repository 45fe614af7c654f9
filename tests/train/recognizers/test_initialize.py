"""What a training starts from: weights, frozen stages, class means."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import recognizer_recipe, tuning_recipe, weights_of  # noqa: E402

from mien.data.pack import Pack  # noqa: E402
from mien.errors import CheckpointError, RecipeError  # noqa: E402
from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.recognizers import initialize  # noqa: E402
from mien.train.recognizers.backbones.backbone import BackboneKind  # noqa: E402
from mien.train.recognizers.backbones.registry import BACKBONES, build  # noqa: E402
from mien.train.recognizers.backbones.vit import LAYOUT, ViT, VitSize  # noqa: E402
from mien.train.recognizers.data import open_dataset  # noqa: E402
from mien.train.recognizers.dataset import CropDataset  # noqa: E402
from mien.train.recognizers.embed import embedder  # noqa: E402
from mien.train.recognizers.initialize import make_backbone, prepare_training  # noqa: E402
from mien.train.recognizers.partial_fc import CentreUpdate  # noqa: E402
from mien.train.recognizers.weights import read_weights  # noqa: E402


def test_frozen_stages_and_norms_stay_and_others_move(tuned_run: Path, foreign_weights: Path) -> None:
    before = read_weights(foreign_weights).state
    after = read_weights(next(iter(sorted((tuned_run / "checkpoints").iterdir()))) / "state.pt").state
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved
    assert not any(name.startswith(("conv1.", "conv2_dw.")) for name in moved)
    assert not any(name.endswith(("running_mean", "running_var", "num_batches_tracked")) for name in moved)


def test_frozen_stages_keep_the_statistics_of_their_norms(
    face_pack: Path, foreign_weights: Path, tmp_path: Path
) -> None:
    """Their weights stayed, and 34 statistics moved: the frozen features were other ones after each step."""
    train(tuning_recipe(face_pack, foreign_weights, freeze=[0, 1]), tmp_path / "run")
    before = read_weights(foreign_weights).state
    after = read_weights(next(iter((tmp_path / "run" / "checkpoints").iterdir())) / "state.pt").state
    network = make_backbone(tuning_recipe(face_pack, foreign_weights))
    statistics = [name for name in after if name.endswith(("running_mean", "running_var"))]
    moved = {network.stage_of(name) for name in statistics if not torch.equal(after[name], before[name])}
    assert moved == set(range(network.stages)) - {0, 1}


def test_stages_thaw_when_their_time_has_come(face_pack: Path, foreign_weights: Path, tmp_path: Path) -> None:
    train(tuning_recipe(face_pack, foreign_weights, freeze=[0, 1], freeze_epochs=0.3), tmp_path / "run")
    after = read_weights(next(iter((tmp_path / "run" / "checkpoints").iterdir())) / "state.pt").state
    before = read_weights(foreign_weights).state
    assert not torch.equal(after["conv1.conv.weight"], before["conv1.conv.weight"])
    assert not torch.equal(after["conv1.bn.running_mean"], before["conv1.bn.running_mean"])


def test_the_head_starts_at_class_means(face_pack: Path, foreign_weights: Path) -> None:
    recipe = tuning_recipe(face_pack, foreign_weights)
    crops = open_dataset(recipe)
    trained = prepare_training(recipe, crops, ALONE)
    centres = torch.nn.functional.normalize(trained.head.weight[:, 0])
    pack = Pack(face_pack)
    vectors = embedder(trained.backbone, ALONE.device)(np.stack(list(pack.crops())))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for label in range(8):
        mean = vectors[pack.labels == label].mean(axis=0)
        assert float(centres[label] @ torch.from_numpy(mean / np.linalg.norm(mean))) == pytest.approx(1, abs=1e-4)


def test_weights_of_another_network_name_both(face_pack: Path, tmp_path: Path, foreign_weights: Path) -> None:
    recipe = tuning_recipe(face_pack, foreign_weights)
    other = recipe.model_copy(update={"model": recipe.model.model_copy(update={"embedding": 64})})
    with pytest.raises(CheckpointError, match=r'model\.backbone = "mobilefacenet" and model\.embedding = 32'):
        train(other, tmp_path / "run")


def test_the_centres_follow_the_recipes_optimizer(face_pack: Path) -> None:
    optimizer = {"name": "adamw", "rate": 0.1, "momentum": 0.6, "weight_decay": 0.03}
    recipe = recognizer_recipe(face_pack, optimizer=optimizer, head={"sample": 0.25}, model={"embedding": 16})
    recipe = recipe.model_copy(update={"seed": 9})
    head = prepare_training(recipe, open_dataset(recipe), ALONE).head
    assert head.update == CentreUpdate("adamw", 0.6, 0.03)
    assert (head.rate, head.seed, head.classes, head.embedding) == (0.25, 9, 8, 16)


def test_other_seeds_begin_with_other_weights(face_pack: Path) -> None:
    recipe = recognizer_recipe(face_pack)
    first, same, other = (
        make_backbone(recipe.model_copy(update={"seed": seed})).state_dict()["conv1.conv.weight"]
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_from_scratch_is_trained_on_rgb_and_fine_tuned_on_the_weights_colours(
    face_pack: Path, foreign_weights: Path
) -> None:
    assert make_backbone(recognizer_recipe(face_pack)).spec.colour == "RGB"
    assert make_backbone(recognizer_recipe(face_pack, model={"colour": "BGR"})).spec.colour == "BGR"
    assert make_backbone(tuning_recipe(face_pack, foreign_weights)).spec.colour == "BGR"


def test_a_class_mean_is_over_its_first_sixteen_crops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for subject, shade in (("a", 100), ("b", 200)):
        (tmp_path / subject).mkdir()
        for number in range(20):
            # What is left out would turn the mean around.
            image = np.full((112, 112, 3), shade if number < 16 else 0, np.uint8)
            cv2.imwrite(str(tmp_path / subject / f"{number:02d}.png"), image)

    def embed(backbone: object, device: object) -> Callable[[np.ndarray], np.ndarray]:
        return lambda crops: np.stack([[1.0, 0.0] if crop.mean() > 50 else [0.0, -9.0] for crop in crops]).astype(
            "f4"
        )

    monkeypatch.setattr(initialize, "embedder", embed)
    backbone = torch.nn.Linear(1, 1)
    backbone.embedding = 2  # type: ignore[assignment]
    means = initialize.class_means(backbone, CropDataset([tmp_path], 112, "arcface"), ALONE)
    assert means.tolist() == [[16, 0], [16, 0]]


@pytest.mark.parametrize("name", ["mobilefacenet-arcface", "edgeface-xxs", "tiny-transformer"])
def test_weights_of_other_layouts_are_fine_tuned(
    face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    size = VitSize(patch=28, width=16, depth=4, heads=2)
    monkeypatch.setitem(BACKBONES, "tiny-transformer", BackboneKind(partial(ViT, size), LAYOUT))
    torch.save({f"module.{key}": value for key, value in build(name, 32).state_dict().items()}, tmp_path / "a.pt")
    recipe = recognizer_recipe(
        face_pack,
        model={"backbone": name} | ({"masking": 0.5, "drop_path": 0.2} if name == "tiny-transformer" else {}),
        init={"weights": str(tmp_path / "a.pt")},
        schedule={"batch": 8, "steps": 2},
    )
    train(recipe, tmp_path / "run")
    before, after = read_weights(tmp_path / "a.pt").state, weights_of(tmp_path / "run")
    output = BACKBONES[name].layout.output
    assert before.keys() == after.keys() and not torch.equal(before[output], after[output])
    if name == "tiny-transformer":
        assert not torch.equal(before["mask_token"], after["mask_token"]), "the token has stood for patches"


def test_patches_cannot_be_left_out_of_a_network_that_has_none(face_pack: Path) -> None:
    recipe = recognizer_recipe(face_pack, model={"masking": 0.1})
    with pytest.raises(RecipeError, match=r"MobileFaceNet has no patches to leave out.*leave model\.masking and"):
        make_backbone(recipe)
