"""What a training starts from: weights, frozen stages, class means."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import tuning_recipe  # noqa: E402

from mien.data.pack import Pack  # noqa: E402
from mien.errors import CheckpointError  # noqa: E402
from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.recognizers.data import open_dataset  # noqa: E402
from mien.train.recognizers.embed import embedder  # noqa: E402
from mien.train.recognizers.initialize import prepare_training  # noqa: E402
from mien.train.recognizers.weights import read_weights  # noqa: E402


def test_frozen_stages_and_norms_stay_and_others_move(tuned_run: Path, foreign_weights: Path) -> None:
    before = read_weights(foreign_weights).state
    after = read_weights(next(iter(sorted((tuned_run / "checkpoints").iterdir()))) / "state.pt").state
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved
    assert not any(name.startswith(("conv1.", "conv2_dw.")) for name in moved)
    assert not any(name.endswith(("running_mean", "running_var", "num_batches_tracked")) for name in moved)


def test_stages_thaw_when_their_time_has_come(face_pack: Path, foreign_weights: Path, tmp_path: Path) -> None:
    train(tuning_recipe(face_pack, foreign_weights, freeze=[0, 1], freeze_epochs=0.6), tmp_path / "run")
    after = read_weights(next(iter((tmp_path / "run" / "checkpoints").iterdir())) / "state.pt").state
    assert not torch.equal(after["conv1.conv.weight"], read_weights(foreign_weights).state["conv1.conv.weight"])


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
