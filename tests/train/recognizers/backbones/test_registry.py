"""What holds for every backbone of the table."""

from functools import lru_cache

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import RecipeError  # noqa: E402
from mien.train.recognizers.backbones.backbone import Backbone  # noqa: E402
from mien.train.recognizers.backbones.registry import BACKBONES, build, spec_of  # noqa: E402


@lru_cache
def built(name: str) -> Backbone:
    """The backbone with embeddings of 96 numbers, without memory."""
    with torch.device("meta"):
        return build(name, 96).eval()


@pytest.mark.parametrize("name", BACKBONES)
def test_every_parameter_has_a_stage_and_stages_go_from_input_to_output(name: str) -> None:
    backbone = built(name)
    stages = [backbone.stage_of(parameter) for parameter, _ in backbone.named_parameters()]
    assert stages == sorted(stages)
    assert set(stages) == set(range(backbone.stages))


@pytest.mark.parametrize("name", BACKBONES)
def test_crops_become_embeddings(name: str) -> None:
    backbone = built(name)
    with torch.device("meta"):
        side = backbone.spec.size
        assert backbone(torch.zeros(3, 3, side, side)).shape == (3, 96)
    assert spec_of(name) == backbone.spec


@pytest.mark.parametrize("name", BACKBONES)
def test_the_layout_names_weights_that_are_there(name: str) -> None:
    state = built(name).state_dict()
    layout = BACKBONES[name].layout
    assert layout.mark in state and state[layout.output].shape[0] == 96


def test_a_misspelt_backbone_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean iresnet50"):
        build("iresnet5O", 512)
