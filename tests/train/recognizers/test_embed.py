"""Embeddings as a function of crops."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.recognizers.embed import embed, embedder  # noqa: E402


def test_a_network_in_training_is_left_as_it_was_found() -> None:
    backbone = build("mobilefacenet", 16, dropout=0.5).train()
    backbone.conv1.eval()
    before = [module.training for module in backbone.modules()]
    state = {key: value.clone() for key, value in backbone.state_dict().items()}
    crops = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), np.uint8)
    function = embedder(backbone, torch.device("cpu"))
    first, second = function(crops), function(crops)
    assert first.shape == (2, 16) and first.dtype == np.float32
    # Dropout and statistics are at rest, so embeddings do not depend on chance or on the batch.
    assert np.array_equal(first, second)
    assert np.allclose(function(crops[:1]), first[:1], atol=1e-4)
    assert [module.training for module in backbone.modules()] == before
    assert all(torch.equal(value, state[key]) for key, value in backbone.state_dict().items())


def test_low_precision_gives_float32_with_gradients() -> None:
    layer = torch.nn.Linear(3, 2)
    found = embed(layer, torch.ones(1, 3), "bf16", torch.device("cpu"))
    assert found.dtype == torch.float32 and found.requires_grad


def test_a_set_is_embedded_in_the_precision_of_the_recipe() -> None:
    backbone = build("mobilefacenet", 16)
    crops = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), np.uint8)
    exact, low = (embedder(backbone, torch.device("cpu"), name)(crops) for name in ("f32", "bf16"))
    assert low.dtype == np.float32 and not np.array_equal(exact, low)
    cosines = (exact * low).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(low, axis=1)
    assert cosines.min() > 0.99
