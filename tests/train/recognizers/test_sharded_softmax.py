"""Softmax and products over spread classes against plain ones."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from torch.nn import functional  # noqa: E402

from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.recognizers.sharded_softmax import cross_entropy, only, pick, product_bf16  # noqa: E402


def test_the_loss_and_both_gradients_are_those_of_plain_cross_entropy() -> None:
    torch.manual_seed(0)
    z, target, labels = torch.randn(5, 7), torch.randn(5), torch.tensor([0, 6, 3, 3, 1])
    ours = [one.clone().requires_grad_() for one in (z, target)]
    theirs = [one.clone().requires_grad_() for one in (z, target)]
    replaced = theirs[0].index_put((torch.arange(5), labels), theirs[1])
    wanted = functional.cross_entropy(9 * replaced, labels)
    # As in a step, what is overwritten is not a leaf.
    found = cross_entropy(ours[0] * 1, ours[1], labels[:, None], None, 9.0, ALONE)
    (3 * wanted).backward()
    (3 * found).backward()
    torch.testing.assert_close(found, wanted)
    for mine, plain in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, plain.grad)


def test_a_sample_whose_class_is_elsewhere_pushes_all_classes_of_this_rank_away() -> None:
    z = torch.tensor([[0.5, -0.2, 0.1], [0.3, 0.4, -0.6]])
    leaf, wanted = z.clone().requires_grad_(), torch.tensor([0.2, 7.0], requires_grad=True)
    own = torch.tensor([True, False])
    cross_entropy(leaf * 1, wanted, torch.tensor([[2], [0]]), own, 1.0, ALONE).backward()
    first = torch.softmax(torch.tensor([0.5, -0.2, 0.2]), 0)
    expected = torch.stack([torch.tensor([first[0], first[1], 0.0]), torch.softmax(z[1], 0)]) / 2
    torch.testing.assert_close(leaf.grad, expected)
    torch.testing.assert_close(wanted.grad, torch.tensor([float(first[2] - 1) / 2, 0.0]))


def test_picked_numbers_hand_their_gradient_back_though_the_matrix_was_overwritten() -> None:
    leaf, place = torch.arange(6.0).view(2, 3).requires_grad_(), torch.tensor([[2], [0]])
    matrix = leaf * 1
    picked = pick(matrix, place)
    matrix.detach().fill_(float("nan"))
    assert picked.tolist() == [2.0, 3.0]
    (picked * torch.tensor([5.0, 7.0])).sum().backward()
    assert leaf.grad is not None and leaf.grad.tolist() == [[0, 0, 5], [7, 0, 0]]


def test_what_is_kept_of_a_rank_is_a_copy() -> None:
    values = torch.tensor([1.0, 2.0])
    for own, expected in ((None, [1.0, 2.0]), (torch.tensor([False, True]), [0.0, 2.0])):
        kept = only(values, own)
        assert kept.tolist() == expected
        assert kept.data_ptr() != values.data_ptr()


def test_products_round_their_inputs_to_bfloat16_and_nothing_else() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(3, 5, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    found, gradient = product_bf16(a, b), torch.randn(3, 4)
    found.backward(gradient)
    rounded_a, rounded_b, rounded = (one.detach().bfloat16().double() for one in (a, b, gradient))
    for ours, by_hand in (
        (found, rounded_a @ rounded_b.T),
        (a.grad, rounded @ rounded_b),
        (b.grad, rounded.T @ rounded_a),
    ):
        assert ours is not None and ours.dtype == torch.float32
        torch.testing.assert_close(ours.double(), by_hand, rtol=1e-6, atol=1e-6)
