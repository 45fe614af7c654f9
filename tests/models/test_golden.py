"""Golden vectors: the made image is the same everywhere, and agreement is a cosine."""

import hashlib

import numpy as np
import pytest

from mien.errors import CardError
from mien.models.golden import AGREEMENT, agreement, golden_image, measure, sample
from mien.types import Floats, Image, floats


def test_the_golden_image_is_the_same_everywhere() -> None:
    """Pinned pixels: a change would silently invalidate every card."""
    image = golden_image(7, 112, 96)
    assert image.shape == (96, 112, 3) and image.dtype == np.uint8
    assert hashlib.sha256(np.ascontiguousarray(image >> 3)).hexdigest()[:16] == "0d454110bd0fddd7"
    assert not np.array_equal(image, golden_image(8, 112, 96))


def test_agreement_is_the_cosine_of_the_sample() -> None:
    def run(image: Image) -> list[np.ndarray]:
        return [image.astype(np.float32).mean(axis=(0, 1)), image[:2, :3, 0].astype(np.float32)]

    golden = measure(run, 3, 40, 30)
    assert len(golden.output) == 9 and agreement(golden, run) > 1 - 1e-6
    assert agreement(golden, lambda image: [-part for part in run(image)]) < -AGREEMENT
    assert agreement(golden, lambda image: run(image)[:1]) == 0.0
    assert agreement(golden, lambda image: [part * np.nan for part in run(image)]) == 0.0


def test_a_sample_has_at_most_256_numbers_of_each_output_evenly_spaced() -> None:
    few, many = floats(np.arange(10)), floats(np.arange(1021))
    both = sample([few, many])
    assert both[:10].tolist() == few.tolist() and len(both) == 10 + 256
    assert both[10:].tolist() == list(range(0, 1021, 4))


@pytest.mark.parametrize(("value", "fault"), [(np.nan, "not finite"), (np.inf, "not finite"), (0.0, "all zeros")])
def test_an_answer_that_nothing_agrees_with_is_no_golden_vector(value: float, fault: str) -> None:
    with pytest.raises(CardError, match=fault):
        measure(lambda image: [np.full((1, 8), value, np.float32)], 1, 16, 16)


def test_a_large_answer_agrees_with_itself() -> None:
    """In single precision its products are infinite, and their quotient is NaN."""

    def run(image: Image) -> list[Floats]:
        return [np.linspace(-1e38, 3e38, 64, dtype=np.float32)]

    assert agreement(measure(run, 1, 16, 16), run) == pytest.approx(1)
    assert agreement(measure(run, 1, 16, 16), lambda image: [np.full(64, np.nan, np.float32)]) == 0
