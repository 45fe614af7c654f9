"""LoRA: the sums by hand, what learns and what stays, and runs that stop, go on and are exported."""

import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch.nn.functional as F  # noqa: E402, N812 - torch's own name for it
from made_up import losses_of, random_state, shapes_of, tuning_recipe, weights_of  # noqa: E402

from mien.errors import CheckpointError  # noqa: E402
from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.recognizers import lora  # noqa: E402
from mien.train.recognizers.backbones.backbone import Backbone  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.recognizers.backbones.vit import ViT, VitSize  # noqa: E402
from mien.train.recognizers.data import open_dataset  # noqa: E402
from mien.train.recognizers.initialize import prepare_training  # noqa: E402
from mien.train.recognizers.weights import read_weights  # noqa: E402

TINY = VitSize(patch=28, width=16, depth=4, heads=2, masking=0.0)


def adapted() -> tuple[Backbone, dict[str, "torch.Tensor"]]:
    """A small transformer with thin matrices that are not zero, and its weights before."""
    network = ViT(TINY, 8)
    before = random_state(shapes_of(network))
    network.load_state_dict(before)
    lora.adapt(network, 2, 6.0)
    generator = torch.Generator().manual_seed(4)
    for name, parameter in network.named_parameters():
        if name.endswith("0.up"):
            with torch.no_grad():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return network.eval(), before


def test_a_weight_is_itself_plus_alpha_over_rank_times_the_product() -> None:
    network, before = adapted()
    thin, found = lora.thin_state(network), lora.summed_state(network)
    assert list(shapes_of(ViT(TINY, 8))) and set(found) == set(before)
    assert len(thin) == 2 * (4 * 4 + 2 + 1), "four layers in each of four blocks, two in the projection, the patches"
    for name, weight in before.items():
        key = name.removesuffix("weight") + "parametrizations.weight.0."
        if f"{key}up" not in thin:
            assert torch.equal(found[name], weight)
            continue
        up, down = thin[f"{key}up"], thin[f"{key}down"]
        expected = weight.clone().flatten(1)
        for row in range(len(weight)):
            for rank in range(2):
                expected[row] += 3.0 * up[row, rank] * down[rank]
        torch.testing.assert_close(found[name].flatten(1), expected)


def test_the_sums_alone_give_the_same_embeddings() -> None:
    network, _ = adapted()
    plain = ViT(TINY, 8).eval()
    plain.load_state_dict(lora.summed_state(network))
    crops = torch.randn(2, 3, 112, 112)
    with torch.no_grad():
        torch.testing.assert_close(network(crops), plain(crops))


def test_only_thin_matrices_learn_and_depthwise_kernels_get_none() -> None:
    network = build("mobilefacenet", 32)
    lora.adapt(network, 4, 16.0)
    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert learning == set(lora.thin_state(network)) and learning
    assert not any("conv_dw" in name or "conv2_dw" in name for name in learning)
    assert sum(network.get_parameter(name).numel() for name in learning) < 100_000


def test_at_first_nothing_is_added(face_pack: Path, foreign_weights: Path) -> None:
    recipe = tuning_recipe(face_pack, foreign_weights, lora=4)
    learner = prepare_training(recipe, open_dataset(recipe), ALONE)
    before = read_weights(foreign_weights).state
    now = lora.summed_state(learner.backbone)
    assert all(torch.equal(now[name], value) for name, value in before.items())
    assert {id(p) for group in learner.optimizer.param_groups for p in group["params"]} == {
        id(p) for p in learner.backbone.parameters() if p.requires_grad
    }


def test_a_run_with_lora_leaves_weights_in_the_layout_and_continues_to_the_bit(
    face_pack: Path, foreign_weights: Path, tmp_path: Path
) -> None:
    recipe = tuning_recipe(face_pack, foreign_weights, lora=4, norms="freeze", anchor=0.1)
    run = recipe.run.model_copy(update={"save_every": 2, "keep": 2})
    recipe = recipe.model_copy(update={"run": run, "evaluate": ()})
    train(recipe, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "again")
    shutil.rmtree(tmp_path / "again" / "checkpoints" / "step-00000004")
    train(recipe, tmp_path / "again")
    whole, again = weights_of(tmp_path / "whole"), weights_of(tmp_path / "again")
    assert all(torch.equal(whole[name], value) for name, value in again.items())
    assert losses_of(tmp_path / "again")[-2:] == losses_of(tmp_path / "whole")[-2:]
    before, after = (
        read_weights(path).state
        for path in (foreign_weights, tmp_path / "whole" / "checkpoints" / "step-00000004" / "state.pt")
    )
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    still = ("bias", "running_mean", "_dw.conv.weight")
    assert "linear.weight" in moved and not any(name.endswith(still) for name in moved)
    difference = after["linear.weight"] - before["linear.weight"]
    assert torch.linalg.matrix_rank(difference, rtol=1e-3) <= 4


def test_other_weights_than_the_run_started_from_are_noticed(
    face_pack: Path, foreign_weights: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs.pth"
    shutil.copy(foreign_weights, theirs)
    recipe = tuning_recipe(face_pack, theirs, lora=4)
    schedule = recipe.schedule.model_copy(update={"steps": 2})
    train(recipe.model_copy(update={"schedule": schedule, "evaluate": ()}), tmp_path / "run")
    content = torch.load(theirs)
    content["module.linear.weight"] += 0.1
    torch.save(content, theirs)
    with pytest.raises(CheckpointError, match=r"other weights at linear\.weight .*init\.weights was changed"):
        saved = sorted((tmp_path / "run" / "checkpoints").iterdir())[-1]
        state = torch.load(saved / "state.pt")
        learner = prepare_training(recipe, open_dataset(recipe), ALONE)
        lora.restore(learner.backbone, state["weights"], state["lora"], str(saved))
    learner = prepare_training(tuning_recipe(face_pack, theirs, lora=8), open_dataset(recipe), ALONE)
    with pytest.raises(CheckpointError, match=r"made with another init\.lora"):
        lora.restore(learner.backbone, state["weights"], state["lora"], str(saved))


def test_a_sum_has_its_own_precision_under_bf16() -> None:
    network, _ = adapted()
    module = network.get_submodule("feature.0")
    with torch.autocast("cpu", torch.bfloat16):
        assert module.weight.dtype == torch.float32
        assert torch.equal(module.weight, lora.summed_state(network)["feature.0.weight"])
        assert F.linear(torch.ones(1, 256), module.weight).dtype == torch.bfloat16
