"""Bytes in RGB to a network's input."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.models.card import InputSpec  # noqa: E402
from mien.train.compute.preprocess import prepare  # noqa: E402


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize(("colour", "order"), [("RGB", (0, 1, 2)), ("BGR", (2, 1, 0))])
def test_pixels_are_shifted_and_scaled_in_the_networks_colour_order(
    colour: str, order: tuple[int, ...], channels_last: bool
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
    spec = InputSpec(colour=colour, mean=(1, 2, 3), scale=(4, 5, 6))
    found = prepare(images, spec, torch.device("cpu"), channels_last=channels_last)
    assert found.shape == (2, 3, 4, 5) and found.dtype == torch.float32
    for channel, source in enumerate(order):
        wanted = (images[..., source].astype(np.float32) - spec.mean[channel]) / spec.scale[channel]
        assert np.allclose(found[:, channel].numpy(), wanted)
    assert found.is_contiguous() != channels_last
