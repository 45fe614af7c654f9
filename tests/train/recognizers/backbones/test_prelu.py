"""PReLU against torch's own."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.recognizers.backbones.prelu import PReLU  # noqa: E402


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5, 4)])
def test_prelu_is_torchs_own_in_value_and_gradient(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    ours, theirs = PReLU(3), torch.nn.PReLU(3)
    with torch.no_grad():
        ours.weight.copy_(torch.tensor([0.25, -0.3, 1.7]))
        theirs.weight.copy_(ours.weight)
    for values in (torch.randn(shape), torch.zeros(shape)):
        a, b = values.clone().requires_grad_(), values.clone().requires_grad_()
        weight = torch.randn(shape)
        (ours(a) * weight).sum().backward()
        (theirs(b) * weight).sum().backward()
        torch.testing.assert_close(a.grad, b.grad)
        torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
        torch.testing.assert_close(ours(values), theirs(values))
        ours.zero_grad(), theirs.zero_grad()
