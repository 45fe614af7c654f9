"""What every backbone does."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.recognizers.backbones.registry import build  # noqa: E402


def test_recomputed_activations_give_the_same_gradients() -> None:
    gradients = []
    for recompute in (False, True):
        torch.manual_seed(1)
        backbone = build("mobilefacenet", 32).train()
        backbone.recompute = recompute
        backbone(torch.randn(2, 3, 112, 112)).square().sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in backbone.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-4)
